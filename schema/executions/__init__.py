"""Executions: the type and the types of its fields, lists, flows, events, the mutations that start or stop one.

Subscriptions are in subscriptions; comparing two executions is in comparisons.
"""
