"""The process that forks `reev-gql` for tests, with everything imported: tests/helpers/prepared.py starts it.

It has one thread, no event loop and no open files but its sockets, so what it forks begins as a new process does.
A request is one message with four descriptors: stdin, stdout, stderr, and a socket that is told pid and exit code.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from typing import Any, NoReturn

from gql_server.process.startup import SERVER
from gql_server.settings.settings import Settings
from schema import build_schema
from tests.helpers.patience import PATIENT, be_patient_with_the_database

MODULES = (
    *SERVER,
    "gql_server.cli.commands",
    "gql_server.cli.client_commands",
    "gql_server.process.services",
    "gql_server.process.worker_process",
    "gql",
    "gql.transport.aiohttp",
    "gql.transport.aiohttp_websockets",
    "rich.progress",
)
"""What servers, workers and client commands import."""

MESSAGE_BYTES = 1 << 18


def main(control: socket.socket) -> dict[str, Any] | None:
    """Forks until the other end is closed: None then, and in each child the request that it has to fulfil."""
    for name in MODULES:
        importlib.import_module(name)
    _warm_up()
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would not be there in the child"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    children: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as ready:
        ready.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not control:
                    ready.unregister(key.fd)
                    _report(key.fd, *children.pop(key.fd))
                    continue
                request, descriptors = _receive(control)
                if request is None:
                    for pid, _ in children.values():
                        os.kill(pid, signal.SIGKILL)
                    return None
                pid = os.fork()
                if pid == 0:
                    _become(request, descriptors)
                    return request
                *streams, told = descriptors
                for descriptor in streams:
                    os.close(descriptor)
                listener = socket.socket(fileno=told)
                with contextlib.suppress(OSError):
                    listener.send(json.dumps(pid).encode())
                handle = os.pidfd_open(pid)
                children[handle] = pid, listener
                ready.register(handle, selectors.EVENT_READ)


def _warm_up() -> None:
    """What libraries find out at the first use of our types and then know costs a server half of its start."""
    Settings.model_rebuild()
    build_schema()


def _receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    data, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 4)
    return (json.loads(data) if data else None), descriptors


def _report(handle: int, pid: int, listener: socket.socket) -> None:
    os.close(handle)
    _, status = os.waitpid(pid, 0)
    with listener, contextlib.suppress(OSError):
        listener.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """In the child: streams, directory, environment and signals as after an exec."""
    for target, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, target)
    os.closerange(3, 1024)
    if request["new_session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if PATIENT in os.environ:
        be_patient_with_the_database()
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        former = getattr(sys, name)
        raw = io.FileIO(descriptor, "w" if descriptor else "r", closefd=False)
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw) if descriptor else io.BufferedReader(raw),
            former.encoding,
            former.errors,
            line_buffering=former.line_buffering or raw.isatty(),
            write_through=former.write_through,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _run(request: dict[str, Any]) -> int:
    """What `python -m gql_server` does, to its exit code."""
    sys.argv[1:] = request["arguments"]
    sys.path[0] = request["cwd"]
    try:
        runpy.run_module("gql_server", run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        if exit_.code is None or isinstance(exit_.code, int):
            return exit_.code or 0
        print(exit_.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """Ends as Python does, but gives back nothing of what was imported: that would copy all its memory."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    gc.collect()
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"Exception ignored in: {sys.stdout!r}\n{error!r}", file=sys.stderr)
        code = 120
    os._exit(code)


if __name__ == "__main__":
    if (wanted := main(socket.socket(fileno=int(sys.argv[1])))) is not None:
        _leave(_run(wanted))
