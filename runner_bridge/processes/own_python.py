"""Programs of ours as processes: a module, run by the Python that runs this program.

Our packages need not be at the top level of an installation, and a module of the working directory must never
take the place of one of ours or of a library's.
"""

from __future__ import annotations

import sys
from pathlib import Path

HOME = Path(__file__).parents[2]
"""The directory that holds our packages."""

ENVIRONMENT = {"PYTHONPATH": str(HOME)}
"""What such a process needs in its environment."""


def run_module(name: str) -> tuple[str, ...]:
    """The first arguments of such a process."""
    # -P: the working directory is no place to import from.
    return sys.executable, "-P", "-m", name
