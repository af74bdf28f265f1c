"""Batches: executions that are requested together, counted, listed and stopped."""
