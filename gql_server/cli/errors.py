"""The error of the command line."""

from __future__ import annotations


class CliError(Exception):
    """What went wrong, in one line for the person at the terminal."""
