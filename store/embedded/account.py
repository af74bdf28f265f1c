"""The system user that PostgreSQL runs as: that of this process, but not root, as which it refuses to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from store.errors import EmbeddedServerFailed
from store.records import record

if sys.platform != "win32":
    import pwd

NAME = "pgserver"
"""The user that root's servers run as. Made when missing; servers of earlier versions ran as it too."""

MAKE_ACCOUNT = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")

READ, ENTER = 0o4, 0o1
"""Bits of a file's mode."""


@record
class Account:
    """A system user other than the one of this process."""

    uid: int
    gid: int

    def may(self, path: Path, right: int) -> bool:
        """Whether the mode of `path` gives READ or ENTER."""
        found = path.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode >> 6 & right)
        if found.st_gid == self.gid:
            return bool(found.st_mode >> 3 & right)
        return bool(found.st_mode & right)

    def can_reach(self, path: Path) -> bool:
        """Whether every directory above `path`, which is absolute and without links, can be entered."""
        return all(self.may(parent, ENTER) for parent in path.parents)


def refuse_foreign(data: Path) -> None:
    """Raises EmbeddedServerFailed when the directory `data` is another user's, and we are not root."""
    if os.geteuid() != 0 and data.exists() and (owner := data.stat().st_uid) != os.geteuid():
        raise EmbeddedServerFailed(
            f"{data} belongs to another user (uid {owner}): start reev-gql as that one, or set REEV_GQL_DATA_DIR"
        )


def account_for(data: Path, *, is_initialised: bool) -> Account | None:
    """The user that PostgreSQL runs as in `data`, once that is initialised its owner; None for our own user."""
    if os.geteuid() != 0:
        return None
    if not is_initialised:
        return _named() or _made()
    owner = data.stat()
    if owner.st_uid == 0:
        raise EmbeddedServerFailed(
            f"{data} belongs to root, as which PostgreSQL does not run: chown -R {NAME}: '{data}'"
        )
    return Account(owner.st_uid, owner.st_gid)


def has_name(uid: int) -> bool:
    """Whether the user has an entry in the system's list of users, as initdb demands."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _made() -> Account:
    try:
        done = subprocess.run([*MAKE_ACCOUNT, NAME], capture_output=True, text=True)
        reason = done.stderr.strip()
    except OSError as error:
        reason = str(error)
    # Made or not: another process may have been faster.
    if (account := _named()) is None:
        raise EmbeddedServerFailed(
            f"PostgreSQL does not run as root, and the user {NAME} could not be made ({reason}): make it, start "
            "reev-gql as another user, or set DATABASE_URL"
        )
    return account


def _named() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)
