"""Webhooks: requests that tell other servers of ends, after the Standard Webhooks specification.

What is to be told is in the database (store/webhooks). A worker delivers it; a secret leaves this room once, to
whoever adds the webhook.
"""
