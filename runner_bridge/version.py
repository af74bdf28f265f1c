"""The version of this program, which the health check, workers and the start-up banner show."""

from __future__ import annotations

VERSION = "0.1.0"
