"""Agents with a model: their settings, the addresses of endpoints, and the transcript of a conversation."""
