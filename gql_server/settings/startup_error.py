"""The error of everything that keeps a server from starting, in a module that imports nothing."""

from __future__ import annotations


class StartupError(Exception):
    """The server cannot start; the message is one line."""
