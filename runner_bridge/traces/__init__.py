"""Traces: ended executions as OpenTelemetry spans, sent elsewhere over OTLP. Off unless an endpoint is set.

Only spans.py and sending.py import OpenTelemetry, which is an extra: without an endpoint nothing of it is loaded.
"""
