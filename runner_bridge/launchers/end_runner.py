"""Ends a runner and everything that it started: SIGTERM, a grace time, SIGKILL.

The runner may be one that this process started, one that it found again, or one that ended while no worker
watched. Waiting is bounded: what outlives SIGKILL, stuck in the kernel, is reported.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner_bridge.processes import process_identity, process_table
from runner_bridge.processes.members import find_members
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.processes.reaper import KILL_WAIT_S
from runner_bridge.processes.spawn import is_reaper, is_shield, says_all_ended
from store.executions.state_machine import ProcessIdentity
from store.model import LeakedProcess

DISMISS_S = 1.0
"""How long a reaper may take to end that was told to leave processes that cannot be ended."""

LAST_WAIT_S = 10.0
"""How long a reaper may take to end when nothing of its runner lives any more."""

log = logging.getLogger(__name__)


async def end_runner(
    table: ProcessTable, execution_id: str, recorded: ProcessIdentity | None, grace_s: float
) -> tuple[LeakedProcess, ...]:
    """Ends every process of an execution: SIGTERM, up to `grace_s` seconds, SIGKILL.

    Returns when none of them lives any more, or with those that outlived SIGKILL for too long. `recorded` is the
    runner's process, alive or not; a process with its pid and another start time is never signalled.
    """
    if recorded is not None and _has_ended_whole(recorded):
        return ()
    left: list[int] = []
    leader, started = (None, None) if recorded is None else (recorded.pid, recorded.started)
    members = _Members(table, execution_id, leader, started)
    if members.reaper is not None:
        _send([members.reaper], signal.SIGUSR1, group=None)
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, KILL_WAIT_S)):
        left = await _signal_until_gone(members, number, patience_s)
        if not left:
            break
    if members.reaper is not None and not await _dismiss(members.reaper, is_last=not left):
        # It ends as the runner does, so it lives while the runner does.
        left.append(members.reaper)
    if left:
        log.error("processes %s of execution %s do not die", left, execution_id)
    return tuple(LeakedProcess(pid, process_identity.name_of(pid)) for pid in left)


def _has_ended_whole(recorded: ProcessIdentity) -> bool:
    """Whether its reaper has said so: looking at every process of the machine takes milliseconds."""
    found = process_table.entry(recorded.pid)
    is_held = found is not None and found.started == recorded.started and not found.is_living
    return is_held and says_all_ended(recorded.pid)


async def _dismiss(reaper: int, *, is_last: bool) -> bool:
    """Makes the reaper end, whose processes have ended or cannot be ended; whether it did."""
    _send([reaper], signal.SIGTERM, group=None)
    if await process_identity.wait_ended([reaper], LAST_WAIT_S if is_last else DISMISS_S):
        return True
    if is_last:
        _send([reaper], signal.SIGKILL, group=None)
        return await process_identity.wait_ended([reaper], KILL_WAIT_S)
    return False


@dataclass(slots=True)
class _Members:
    """The processes of an execution. One that was seen once stays known, also when its parent is gone."""

    table: ProcessTable
    execution_id: str
    leader: int | None
    started: float | None
    known: dict[int, float | None] = field(default_factory=dict)
    reaper: int | None = field(init=False)
    """The leader when it is a reaper: it is no process of the execution, and has to outlive them all."""
    is_shield: bool = field(init=False)
    """Whether that has a child that is the reaper as well."""

    def __post_init__(self) -> None:
        pid = self.certain_leader
        self.reaper = pid if pid is not None and is_reaper(pid) else None
        self.is_shield = self.reaper is not None and is_shield(self.reaper)

    @property
    def certain_leader(self) -> int | None:
        """The leader's pid, while it certainly is its own."""
        is_held = self.leader is not None and process_identity.start_time(self.leader) == self.started
        return self.leader if is_held else None

    def living(self) -> list[int]:
        found = find_members(self.table, self.leader, self.started, self.execution_id)
        found = [pid for pid in found if not self._reaps(pid)]
        found += [
            pid
            for pid, started in self.known.items()
            if pid not in found
            and process_identity.start_time(pid) == started
            and process_identity.is_living(pid)
        ]
        self.known |= {pid: process_identity.start_time(pid) for pid in found if pid not in self.known}
        return found

    def _reaps(self, pid: int) -> bool:
        if pid == self.reaper:
            return True
        entry = process_table.entry(pid) if self.is_shield else None
        return entry is not None and entry.parent == self.reaper

    @property
    def group(self) -> int | None:
        """The process group that a runner without a reaper leads."""
        return self.certain_leader if self.reaper is None else None


async def _signal_until_gone(members: _Members, number: signal.Signals, patience_s: float) -> list[int]:
    """Signals every member once, also those that appear later; returns those that live when time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    signalled: set[int] = set()
    while True:
        living = await asyncio.to_thread(members.living)
        if not living or (signalled and loop.time() >= deadline):
            return living
        fresh = [pid for pid in living if pid not in signalled]
        _send(fresh, number, group=None if signalled else members.group)
        signalled.update(fresh)
        await process_identity.wait_ended(living, deadline - loop.time())


def _send(pids: Sequence[int], number: signal.Signals, *, group: int | None) -> None:
    """Signals a group at once and the other `pids` one by one, and continues stopped processes."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            in_group = group is not None and os.getpgid(pid) == group
            if not in_group:
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
    if group is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            os.killpg(group, signal.SIGCONT)
