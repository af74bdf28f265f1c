"""The data directory of PostgreSQL: created completely or not at all, independent of the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from store.embedded.account import Account, account_for, has_name, refuse_foreign
from store.embedded.lock import FileLock
from store.embedded.programs import Programs, environment, find_programs
from store.errors import EmbeddedServerFailed
from store.records import record

SUPERUSER = "postgres"

INITDB = (
    f"--username={SUPERUSER}",
    # Every process that can open the socket may connect; its directory is closed to all other users.
    "--auth=trust",
    "--encoding=UTF8",
    # The same everywhere, whichever locales the system has: text is ordered by code point.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)

NAMED = ("unshare", "--user", "--map-user=1", "--map-group=1", "--")
"""Lets initdb run for a user that /etc/passwd does not have, as in many containers: in a user namespace of its own
the process has the name of one that it has. What it makes belongs to whom it should."""

WORKING_DIRECTORY = "/proc/self/cwd"
"""Names a data directory that its own user cannot reach by its path, because root's directories are above it."""


@record
class Cluster:
    """A data directory, the programs that fit it, and the user who runs them.

    `data_dir` is where we keep what is ours: the log, locks, and `data` itself unless that is a link.
    """

    data_dir: Path
    data: Path
    programs: Programs
    account: Account | None

    def command(self, program: str, directory: Path, *arguments: str) -> list[str]:
        """`program` for the data directory `directory`, which must be its working directory."""
        can_reach = self.account is None or self.account.can_reach(directory)
        return [self.programs[program], "-D", str(directory) if can_reach else WORKING_DIRECTORY, *arguments]

    def options(self, directory: Path) -> dict[str, Any]:
        """How `command` is started: arguments of subprocess.Popen."""
        options: dict[str, Any] = {"cwd": directory, "env": environment()}
        if self.account is not None:
            options |= {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return options


def cluster_in(data_dir: Path, turn: FileLock) -> Cluster:
    """The cluster in `data_dir`/postgres, made if there is none. `turn`, held by the caller, excludes others."""
    data = (data_dir / "postgres").resolve()
    refuse_foreign(data)
    version = _version(data)
    account = account_for(data, is_initialised=version is not None)
    cluster = Cluster(data_dir, data, find_programs(version).for_account(account), account)
    if version is None:
        _make(cluster, turn)
    return cluster


def _version(data: Path) -> int | None:
    """The major version of PostgreSQL that made `data`; None when there is nothing."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        if data.exists() and any(data.iterdir()):
            raise EmbeddedServerFailed(
                f"{data} holds something else than a PostgreSQL database: move it away"
            ) from None
        return None


def _make(cluster: Cluster, turn: FileLock) -> None:
    """initdb elsewhere, then a rename: a process that is killed meanwhile leaves no half of a cluster."""
    beside, prefix = cluster.data.parent, f"{cluster.data.name}.new-"
    for left in beside.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix=prefix, dir=beside))
    if cluster.account is not None:
        os.chown(making, cluster.account.uid, cluster.account.gid)
    try:
        _initdb(cluster, making, turn)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    making.rename(cluster.data)


def _initdb(cluster: Cluster, making: Path, turn: FileLock) -> None:
    command = cluster.command("initdb", making, *INITDB)
    is_named = os.geteuid() == 0 or has_name(os.geteuid())
    try:
        done = subprocess.run(
            command if is_named else [*NAMED, *command],
            **cluster.options(making),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # It goes on when we are killed: the next one waits until it is done, and removes what it made.
            pass_fds=(turn.descriptor,),
            capture_output=True,
            text=True,
        )
    except OSError as error:
        reason = str(error)
    else:
        if done.returncode == 0:
            return
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if not is_named:
        reason = (
            f"initdb needs a user that the system knows, and uid {os.geteuid()} is not in /etc/passwd ({reason}): "
            "add it there, or start reev-gql as a user who is"
        )
    raise EmbeddedServerFailed(reason)
