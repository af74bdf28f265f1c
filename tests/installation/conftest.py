"""The program as users have it: built and installed like the image, once for a whole run of the tests."""

from __future__ import annotations

import fcntl
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation.installation import Installation
from tests.installation.person import Person
from tests.installation.steps import carry_out, public_python


@pytest.fixture(scope="session")
def installation() -> Installation:
    root = Path(os.environ["REEV_GQL_TEST_INSTALLATION"])
    # Every process of the run asks; the first one does it.
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "opt").exists():
            carry_out(root, public_python() or Path(sys.executable).resolve())
    return Installation(root)


@pytest.fixture
def person(installation: Installation) -> Callable[[str], Person]:
    """Makes somebody with an empty directory."""

    def make(name: str) -> Person:
        directory = installation.root / name
        directory.mkdir()
        account = None
        if os.geteuid() == 0 and public_python() is not None:
            account = pwd.getpwnam("nobody").pw_uid
            os.chown(directory, account, account)
        return Person(installation, directory, account)

    return make
