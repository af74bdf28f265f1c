"""What a tool log is called, and how much of it is read."""

from __future__ import annotations

MAX_TOOL_LOG_BYTES = 64 * 1024 * 1024
"""A longer one is read no further than this while it grows, and not at all when it is imported."""


def tool_log_name(execution_id: str) -> str:
    return f"enhanced_otel_{execution_id}.jsonl"
