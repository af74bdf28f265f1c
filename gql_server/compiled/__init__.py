"""Compiled execution: an operation becomes Python code written for exactly its selections.

It answers what graphql-core would, error for error, and leaves to graphql-core whatever it does not know.
docs/compiled-execution.md shows a document and the code that is written for it.
"""
