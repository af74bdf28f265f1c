"""What a client is told: the JSON of answers and errors, error codes, and what of an error may be shown.

It knows nothing of documents, execution or transports.
"""
