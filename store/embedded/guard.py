"""A process that waits until PostgreSQL's last user has ended, and stops it then: for users that are killed."""

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
"""One guard is enough. It gets the users' lock when nobody shares it any more; the kernel tells of every end.

It judges the process as store.embedded.identity does."""


def start_guard(cluster: Cluster) -> subprocess.Popen[bytes] | None:
    """The guard, which may end at once because there is one; None where the system has no such tools."""
    if sys.platform != "linux" or shutil.which("flock") is None:
        return None
    return start_child(
        ["/bin/sh", "-c", SCRIPT, "reev-gql-guard", str(cluster.data_dir), str(cluster.data)],
        env=environment(),
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
