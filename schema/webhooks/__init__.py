"""Webhooks: listed, saved, deleted and tested."""
