"""Starts a process that stops PostgreSQL when its last user was killed."""

from __future__ import annotations

import shutil
import subprocess
import sys

from store.embedded.children import start_child
from store.embedded.cluster import Cluster
from store.embedded.programs import environment

SCRIPT = """
trap '' HUP INT TERM
umask 077
exec 8>>"$1/postgres.guard" 9>>"$1/postgres.users"
flock -n 8 || exit 0
flock 9
read -r pid <"$2/postmaster.pid" || exit 0
case $(readlink "/proc/$pid/exe") in
*/postgres | */postgres' (deleted)') [ "/proc/$pid/cwd" -ef "$2" ] && kill -INT "$pid" ;;
esac
"""
"""One guard is enough. It gets the users' lock when no process shares it any more, however those ended.

It recognises the process as store.embedded.processes does."""


def start_guard(cluster: Cluster) -> subprocess.Popen[bytes] | None:
    """The guard, which ends at once if there is one already; None where the system lacks flock."""
    if sys.platform != "linux" or shutil.which("flock") is None:
        return None
    return start_child(
        ["/bin/sh", "-c", SCRIPT, "reev-gql-guard", str(cluster.data_dir), str(cluster.data)],
        env=environment(),
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
