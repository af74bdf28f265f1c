"""The parent of one runner: a small program that no process of its runner can escape.

    python -I -S reaper.py REPORT PARENT COMMAND...

It is a subreaper (prctl): what a runner leaves behind becomes its child, also when it forked twice, left the
session and cleared its environment. So the descendants of this process are the processes of the runner, for
whichever worker looks. It outlives the worker. It ends when nothing of the runner lives, with the runner's exit
code or signal, and with a name that says so (ALL_ENDED). When the runner exits, the reaper ends what it left;
after SIGUSR1 it only waits, and the worker that stops the runner ends the rest. Other signals are passed on to
the runner; one that comes after the runner's end ends the waiting.

REPORT is a descriptor: it is closed when the command was executed; when it could not be, the error number is
written to it first. PARENT is 0, or the process with which the runner ends: an engine that lost it says that the
runner is lost, so nothing of it may go on. The program imports nothing of ours, because each runner waits for its
start.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import NoReturn
else:
    # `signal`, which makes enums of the numbers, and the modules above take longer to import than all the rest.
    import _signal as signal

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

LEFTOVER_GRACE_S = 0.5
"""Grace for what a runner leaves behind: the runner's result waits for it."""

ORPHAN_GRACE_S = 5.0
"""Grace for a runner whose parent ended."""

KILL_WAIT_S = 1.5
"""How long killed processes may take to end before they count as leaked (they are stuck in the kernel)."""

LOOK_S = 0.05
"""Between two looks for what was left: the children of a killed process are found by the next look."""

ALL_ENDED = b"reev: all ended"
"""The name that a reaper takes when it has no child left: nothing else may change it, and a zombie keeps it."""

NOT_EXECUTED = 127
"""A shell's exit code for a command that cannot be executed."""

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR2)
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class Reaper:
    """One runner and whatever it leaves behind."""

    def __init__(self, runner: int, library: ctypes.CDLL) -> None:
        self._runner = runner
        self._library = library
        self._status: int | None = None
        self._only_waits = False
        self._is_orphan = False

    def pass_on(self, number: int, _: FrameType | None) -> None:
        """Passes a signal on to the runner; after its end, ends the waiting."""
        if self._status is not None:
            end_like(self._status)
        send([self._runner], number)

    def only_wait(self, number: int, _: FrameType | None) -> None:
        """From now on a worker ends what is left."""
        self._only_waits = True

    def lose_parent(self, number: int, _: FrameType | None) -> None:
        """Ends the runner: politely the first time, then by force."""
        self._only_waits = False
        send([self._runner] if self._status is None else [], signal.SIGTERM)
        if self._is_orphan:
            send(children(), signal.SIGKILL)
        self._is_orphan = True
        signal.setitimer(signal.ITIMER_REAL, ORPHAN_GRACE_S)

    def run(self) -> NoReturn:
        """Waits until the runner and what it left have ended, or cannot be ended."""
        while self._status is None:
            self._reap(0)
        deadline = time.monotonic() + LEFTOVER_GRACE_S
        told: set[int] = set()
        while self._reap(os.WNOHANG):
            late_s = time.monotonic() - deadline
            if not self._only_waits:
                if late_s >= KILL_WAIT_S:
                    print(f"what the runner left does not die: {children()}", file=sys.stderr, flush=True)
                    break
                left = [pid for pid in children() if late_s >= 0 or pid not in told]
                told.update(left)
                send(left, signal.SIGTERM if late_s < 0 else signal.SIGKILL)
            signal.sigtimedwait([signal.SIGCHLD], LOOK_S)
        else:
            self._library.prctl(PR_SET_NAME, ALL_ENDED, 0, 0, 0)
        end_like(self._status)

    def _reap(self, options: int) -> bool:
        """Waits for one child, with WNOHANG only if one has ended; returns whether any child is left."""
        try:
            pid, status = os.waitpid(-1, options)
        except ChildProcessError:
            return False
        if pid == self._runner:
            self._status = status
        return True


def children() -> list[int]:
    """The processes whose parent this one is."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = read(f"/proc/{name}/stat")
        except OSError:
            continue
        # The name before the state may hold anything, parentheses included.
        if int(stat.rpartition(b")")[2].split()[1]) == os.getpid():
            found.append(int(name))
    return found


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def send(pids: list[int], number: int) -> None:
    """Signals children, and continues those that are stopped."""
    for pid in pids:
        try:
            os.kill(pid, number)
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def end_like(status: int) -> NoReturn:
    """Ends with the exit code of that wait status, or by its signal, without a second core dump."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def execute(command: list[str], report: int, parent: int) -> NoReturn:
    """Becomes the runner, with the environment as it was given: Python may have added to it."""
    try:
        os.setsid()
        if parent:
            # Whatever kills this reaper, such as the end of an engine's worker, kills the runner.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for number in IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        variables = read("/proc/self/environ").split(b"\0")
        environment = dict(variable.split(b"=", 1) for variable in variables if b"=" in variable)
        os.set_inheritable(report, False)
        os.execvpe(command[0], command, environment)
    except OSError as error:
        os.write(report, str(error.errno).encode())
    finally:
        os._exit(NOT_EXECUTED)


def end_with(parent: int) -> None:
    """Sends this process SIGALRM when its parent ends, also when that has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGALRM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGALRM)


def shield(parent: int, report: int) -> int:
    """Puts a process between PARENT and the reaper; returns in the reaper, with its new parent.

    An engine's worker kills its children when it ends. A reaper that was killed could end nothing.
    """
    shielding = os.getpid()
    inner = os.fork()
    if inner == 0:
        return shielding
    os.close(report)
    for number in (*PASSED_ON, signal.SIGUSR1, signal.SIGALRM):
        signal.signal(number, lambda number, _: send([inner], number))
    end_with(parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1, signal.SIGALRM, *PASSED_ON])
    end_like(os.waitpid(inner, 0)[1])


def main() -> NoReturn:
    report, parent, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    # Nothing that comes before the handlers are there is lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGUSR1, signal.SIGALRM, *PASSED_ON])
    if parent:
        parent = shield(parent, report)
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    runner = os.fork()
    if runner == 0:
        execute(command, report, parent)
    os.close(report)
    reaper = Reaper(runner, library)
    signal.signal(signal.SIGUSR1, reaper.only_wait)
    for number in PASSED_ON:
        signal.signal(number, reaper.pass_on)
    signal.signal(signal.SIGALRM, reaper.lose_parent)
    if parent:
        end_with(parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1, signal.SIGALRM, *PASSED_ON])
    reaper.run()


if __name__ == "__main__":
    main()
