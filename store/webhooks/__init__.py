"""Webhooks: who is told of ends, and what is still to be told.

Triggers write deliveries in the transaction of the end (store/migrations: webhooks). Nothing here decrypts a
secret or sends a request.
"""
