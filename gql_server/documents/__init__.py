"""A document from its text to an operation that may be executed: parsed, measured, validated, kept for reuse.

Limits of size and cost, trusted documents and the documents of our own clients live here; executing does not.
"""
