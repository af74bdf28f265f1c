"""Command lines for modules of ours, run as processes by the Python that runs this program.

Our packages need not be at the top level of an installation, and a module in the working directory must never
replace one of ours or of a library.
"""

from __future__ import annotations

import sys
from pathlib import Path

HOME = Path(__file__).parents[2]
"""The directory that holds our packages."""

ENVIRONMENT = {"PYTHONPATH": str(HOME)}
"""The environment variables that such a process needs."""


def run_module(name: str) -> tuple[str, ...]:
    """The beginning of its command line; arguments follow."""
    # -P: the working directory is no place to import from.
    return sys.executable, "-P", "-m", name
