"""Loaders: the keys that the fields of one level of a query ask for become one statement.

It knows the store only, no GraphQL type.
"""
