"""What an actor does on its node: starts the runner as a worker does beside itself, and hands out its files.

An actor may be there before its execution (`spares`): it belongs to the one that takes it, and ends when its
worker asks for nothing during SPARE_S. A launch that is repeated changes nothing. The runner ends with this
process. One that no worker asked for during UNWATCHED_S is ended: its execution was closed long ago.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner_bridge.errors import LaunchError
from runner_bridge.launchers.launcher import UNWATCHED_S
from runner_bridge.launchers.local_launcher import LocalLauncher, LocalRunner
from runner_bridge.launchers.ray.written_files import OUTPUT, WrittenFiles
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.launchers.start_runner import Order, runner_environment
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.version import VERSION
from runner_bridge.waiting import wait_for_any
from runner_bridge.watching.directory_watch import DirectoryWatch

OF_THE_MACHINE = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"),
    *("LC_ALL", "LC_CTYPE", "LC_MESSAGES", "SSL_CERT_FILE", "SSL_CERT_DIR", "CARGO_HOME", "RUSTUP_HOME"),
)
"""Variables that a runner gets from its node; every other one comes from the worker."""

SPARE_S = 60.0
"""How long an actor without a runner waits for a word of its worker."""

LEAVING_S = 0.1
"""How long the answer that it leaves may take on its way."""

LOOK_S = 0.1
"""Between two looks at what the runner prints; its other files wake."""

REMOVED_AFTER_S = 7 * 24 * 3600.0
"""Files of runners whose actor was killed are removed by a later one, this long after."""


class NodeRunner:
    """The runner of one execution, and its files in a directory of their own; before that, a spare."""

    def __init__(self) -> None:
        self._id: str | None = None
        base = Path(tempfile.gettempdir()) / f"reev-gql-runners-{os.getuid()}"
        base.mkdir(mode=0o700, exist_ok=True)
        if base.is_symlink() or base.stat().st_uid != os.getuid():
            raise PermissionError(f"{base} belongs to somebody else")
        _remove_old(base)
        self._base = base
        self._deciding = threading.Lock()
        """Whether it is taken or leaves, is decided once."""
        self._is_leaving = False
        self._is_launched = False
        self._launching = asyncio.Lock()
        self._runner: LocalRunner | None = None
        self._files: WrittenFiles | None = None
        self._exit: ProcessExit | None = None
        self._exited = asyncio.Event()
        self._asked = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        self._following = ExitStack()
        # Not a task: whoever asked for this actor may have died before its first call.
        threading.Thread(target=self._leave_unasked, name="unasked", daemon=True).start()

    async def take(self, execution_id: str) -> bool:
        """Whether it is that execution's from now on; False when it leaves, or belongs to another one."""
        with self._deciding:
            self._asked = time.monotonic()
            if self._id is None and not self._is_leaving:
                self._id = execution_id
                self._directory = self._base / execution_id
            return self._id == execution_id

    async def leave(self) -> bool:
        """Ends this process, unless it was taken."""
        with self._deciding:
            if self._id is None and not self._is_leaving:
                self._is_leaving = True
                asyncio.get_running_loop().call_later(LEAVING_S, os._exit, 0)
            return self._is_leaving

    async def launch(
        self, order: dict[str, Any], environment: dict[str, str], settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Starts the runner, once. `environment` has secrets: it is an argument of its own, and never stored."""
        with self._deciding:
            self._is_launched = True
        async with self._launching:
            if self._runner is None:
                try:
                    await self._start(order, environment, settings)
                except LaunchError as error:
                    return {"error": str(error)}
        return self.place()

    def place(self) -> dict[str, Any]:
        """Where the runner is."""
        runner = self._runner
        return {
            "host": socket.gethostname(),
            "pid": None if runner is None else runner.process.pid,
            "age_s": 0.0 if runner is None else runner.age_s,
            "version": VERSION,
        }

    async def describe(self) -> dict[str, Any]:
        self._asked = time.monotonic()
        return self.place()

    async def read(self, seen: dict[str, list[int]], wait_s: float, knows_exit: bool) -> dict[str, Any]:
        """What was written since `seen`; waits for it up to `wait_s`, and for the exit, unless that is known.

        The exit comes after everything that was written before it.
        """
        self._asked = time.monotonic()
        if self._runner is None or self._files is None:
            return {"files": [], "exit": None, "age_s": 0.0}
        deadline = self._asked + wait_s
        with self._watch.follow_all() as changes:
            while True:
                changes.take()
                ended = self._exited.is_set()
                files = await asyncio.to_thread(self._files.since, seen, ended=ended)
                exit = asdict(self._exit) if self._exit is not None and ended and not files else None
                if files or (exit and not knows_exit) or time.monotonic() >= deadline:
                    self._asked = time.monotonic()
                    return {"files": files, "exit": exit, "age_s": self._runner.age_s}
                woken = [changes.woken] if ended else [changes.woken, self._exited]
                await wait_for_any(*woken, timeout_s=min(LOOK_S, wait_s))

    async def end(self, grace_s: float) -> dict[str, Any]:
        """Ends the runner and everything that it started; says what could not be ended."""
        self._asked = time.monotonic()
        async with self._launching:
            runner = self._runner
        if runner is None:
            return {"processes": [], "has_runner": False}
        # A worker that takes over does not wait for the grace that the one before it gave.
        left = await runner.end(grace_s)
        return {"processes": [[one.pid, one.name] for one in left.processes], "has_runner": left.has_runner}

    async def release(self) -> None:
        """Removes the files; the actor is ended after this."""
        for task in self._tasks:
            task.cancel()
        self._following.close()
        if self._runner is not None:
            await self._runner.release()
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    def _leave_unasked(self) -> None:
        while True:
            with self._deciding:
                left_s = self._asked + SPARE_S - time.monotonic()
                if self._is_launched:
                    return
                if left_s <= 0:
                    os._exit(0)
            time.sleep(left_s)

    async def _start(
        self, order: dict[str, Any], environment: dict[str, str], settings: dict[str, Any]
    ) -> None:
        config = self._config(settings)
        config.sessions_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.output_dir.mkdir(mode=0o700, exist_ok=True)
        own = runner_environment(config, {})
        given = {name: value for name, value in environment.items() if name not in OF_THE_MACHINE}
        arguments = config.template.required if config.is_local_runner else order["arguments"]
        launcher = LocalLauncher(config, ProcessTable())
        asked = Order(**{**order, "arguments": arguments, "environment": {**given, **own}})
        self._watch = DirectoryWatch(config.sessions_dir)
        self._following.enter_context(self._watch.follow_all())
        self._runner = await launcher.launch(asked)
        self._files = WrittenFiles(
            config.sessions_dir, launcher.output(asked.execution_id), asked.execution_id
        )
        self._tasks = [
            asyncio.create_task(self._see_exit(self._runner), name="exit"),
            asyncio.create_task(self._end_unwatched(self._runner), name="unwatched"),
        ]

    def _config(self, settings: dict[str, Any]) -> RunnerConfig:
        directory = settings["working_directory"]
        return RunnerConfig(
            sessions_dir=self._directory / "sessions",
            output_dir=self._directory / OUTPUT,
            command=settings["command"],
            working_directory=None if directory is None else Path(directory),
            output_cap_bytes=settings["output_cap_bytes"],
            environment=OF_THE_MACHINE,
            runners_end_with_us=True,
        )

    async def _see_exit(self, runner: LocalRunner) -> None:
        self._exit = await runner.wait()
        self._exited.set()

    async def _end_unwatched(self, runner: LocalRunner) -> None:
        left_s = UNWATCHED_S
        while left_s > 0:
            await asyncio.sleep(left_s)
            left_s = self._asked + UNWATCHED_S - time.monotonic()
        await runner.end(0)
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
        os._exit(0)


def _remove_old(base: Path) -> None:
    for directory in base.iterdir():
        if time.time() - directory.stat().st_mtime > REMOVED_AFTER_S:
            shutil.rmtree(directory, ignore_errors=True)
