"""The program as users have it: built and installed like the image, once for a whole run of the tests."""

from __future__ import annotations

import fcntl
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.installation.steps import carry_out, public_python


@dataclass(frozen=True)
class Installation:
    """Where the image's directories are; other users can read them, and there is a space in the path."""

    root: Path

    @property
    def wheel(self) -> Path:
        (wheel,) = (self.root / "wheels").glob("*.whl")
        return wheel

    @property
    def environment(self) -> Path:
        return self.root / "opt" / "reev-gql"

    @property
    def bin(self) -> Path:
        return self.environment / "bin"

    @property
    def variables(self) -> dict[str, str]:
        """For processes: what one compiles is there for the next, whoever its user is."""
        return {"PYTHONPYCACHEPREFIX": str(self.root / "pycache")}

    @property
    def packages(self) -> Path:
        (packages,) = self.environment.glob("lib/python*/site-packages")
        return packages


@pytest.fixture(scope="session")
def installation() -> Installation:
    root = Path(os.environ["REEV_GQL_TEST_INSTALLATION"])
    # Every process of the run asks; the first one does it.
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "opt").exists():
            carry_out(root, public_python() or Path(sys.executable).resolve())
    return Installation(root)
