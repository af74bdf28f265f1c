"""What is exported: the columns of each export, and the statement with which PostgreSQL writes the rows itself.

Rows leave PostgreSQL as CSV or as JSON text and pass through as bytes. How they reach a client is not known here.
"""
