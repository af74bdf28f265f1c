"""The version of this program: what a health check, a worker and the banner tell."""

from __future__ import annotations

VERSION = "0.1.0"
