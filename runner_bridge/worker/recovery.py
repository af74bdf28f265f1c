"""Executions whose worker is gone: which worker may take them over, and when they are closed because none can.

A worker is gone when it deregistered, when its process provably does not run any more, or when its heartbeat is
stale. Only a worker with the same home sees its runners, and takes over at once; the runners of an engine are seen
by every worker that uses it, and live on without any: nobody else closes their executions until the engine itself
must have ended them. A worker that finds the machine after another boot knows that no runner of before lives, and
reads what files there are. What no worker can see is closed as LOST, or as STOPPED when a stop was accepted. One
that was itself away a moment ago does not trust the silence of others: the database may have been away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from runner_bridge.launchers.end_runner import end_runner
from runner_bridge.launchers.launcher import UNWATCHED_S
from runner_bridge.launchers.local_launcher import LOCAL
from runner_bridge.processes import machine
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.processes.reaper import LEFTOVER_GRACE_S
from store.errors import StoreError
from store.executions import state_machine
from store.model import (
    Ending,
    Execution,
    ExecutionId,
    ExecutionOrigin,
    ExecutionStatus,
    Failure,
    FailureKind,
    LeakedProcess,
    WorkerId,
)
from store.postgres.database import Database
from store.records import record
from store.workers import workers
from store.workers.workers import HEARTBEAT_S, STALE_S, Home, OwnedExecution, Owner

FORGET_PAUSE_S = 3600.0
"""Between two deletions of the rows of workers that are long gone."""

ENGINE_LOST_AFTER_S = UNWATCHED_S + 60.0
"""When the runner of an engine has ended because no worker asked for it."""

log = logging.getLogger(__name__)


class Takeover(Enum):
    """What is to be done about an execution that another worker owns."""

    LEAVE = auto()
    TAKE_OVER = auto()
    CLOSE = auto()
    UNSEEN = auto()
    """Its runner may live; a worker that finds it has to come."""


@record
class TakeoverPolicy:
    """Decides from this process's point of view. `home` is None where no runner can be seen at all."""

    home: Home | None
    lost_after_s: float

    def decide(self, owner: Owner | None, *, steady: bool) -> Takeover:
        """`steady` is whether silence counts: whether this process has looked without a break."""
        if owner is None:
            return Takeover.LEAVE if self.home is None else Takeover.TAKE_OVER
        silent = steady and owner.silent_s >= STALE_S
        if self._sees_files_of(owner):
            is_here = self.home == owner.home
            if owner.has_left or silent or (is_here and not _runs(owner)):
                return Takeover.TAKE_OVER
            return Takeover.LEAVE
        is_gone = owner.has_left or silent or (self.trusts_pids_of(owner) and not _runs(owner))
        return Takeover.CLOSE if is_gone and owner.silent_s >= self.lost_after_s else Takeover.LEAVE

    def decide_of_engine(self, owner: Owner | None, *, steady: bool, reached: bool) -> Takeover:
        """The same for the runner of an engine; `reached` is whether this process can ask that engine."""
        if owner is None:
            return Takeover.LEAVE
        is_gone = (
            owner.has_left
            or (steady and owner.silent_s >= STALE_S)
            or (self.trusts_pids_of(owner) and not _runs(owner))
        )
        if not is_gone:
            return Takeover.LEAVE
        if reached:
            return Takeover.TAKE_OVER
        return Takeover.CLOSE if owner.silent_s >= ENGINE_LOST_AFTER_S else Takeover.UNSEEN

    def trusts_pids_of(self, owner: Owner) -> bool:
        """Whether a pid that it recorded can mean its runner."""
        home = self.home
        return home is not None and home.boot_id == owner.home.boot_id and self._is_machine_of(owner)

    def _sees_files_of(self, owner: Owner) -> bool:
        home = self.home
        return (
            home is not None and self._is_machine_of(owner) and home.sessions_dir == owner.home.sessions_dir
        )

    def _is_machine_of(self, owner: Owner) -> bool:
        return self.home is not None and self.home.machine_id == owner.home.machine_id


def _runs(owner: Owner) -> bool:
    return machine.is_running(owner.process_id, owner.process_started)


@dataclass
class Recovery:
    """Looks after executions without a worker. `worker_id` takes them over; None where none may."""

    db: Database
    policy: TakeoverPolicy
    worker_id: WorkerId | None = None
    process_table: ProcessTable = field(default_factory=ProcessTable)
    launchers: Collection[str] = ()
    """Those whose runners this worker finds, besides processes of this machine."""
    takes_over: bool = True
    """Whether this worker takes anything over: not while it finishes."""
    rerun_lost: bool = False
    """Whether what is closed as lost is requested again."""
    attempted: set[ExecutionId] = field(default_factory=set, init=False)
    """What may have been taken over, also where the database's answer was lost."""
    _told: set[ExecutionId] = field(default_factory=set, init=False)
    _began: float | None = field(default=None, init=False)
    _looked: float = field(default=0.0, init=False)
    _forgot: float = field(default_factory=time.monotonic, init=False)

    async def look(self, resume: Callable[[Execution], None]) -> list[OwnedExecution]:
        """One look: what was owned as it began. What is taken over is given to `resume` at once.

        Closes what no worker can see. Raises the store's errors.
        """
        everything = await workers.owned(self.db)
        await self.consider(everything, resume)
        await self.forget_workers()
        return everything

    async def consider(
        self, executions: Sequence[OwnedExecution], resume: Callable[[Execution], None]
    ) -> None:
        """Takes over, closes or leaves each of what was just read; its own are left."""
        steady = self._is_steady()
        self._note_look()
        for one in executions:
            if self.worker_id is not None and one.belongs_to(self.worker_id):
                continue
            match self._decide(one, steady):
                case Takeover.TAKE_OVER if self.takes_over:
                    if (execution := await self._take_over(one)) is not None:
                        resume(execution)
                case Takeover.CLOSE:
                    await self._close(one)
                case Takeover.UNSEEN:
                    self._tell_unseen(one)
                case _:
                    pass

    async def forget_workers(self) -> None:
        """Marks workers as gone that were silent for long and own nothing; deletes old ones now and then."""
        await workers.mark_gone(self.db, self.policy.lost_after_s)
        await self._forget()

    def _decide(self, one: OwnedExecution, steady: bool) -> Takeover:
        if one.launcher not in (None, LOCAL):
            return self.policy.decide_of_engine(
                one.owner, steady=steady, reached=one.launcher in self.launchers
            )
        decision = self.policy.decide(one.owner, steady=steady)
        if one.origin is ExecutionOrigin.OBSERVED and decision is Takeover.TAKE_OVER:
            # The observer of the directory takes it over; when there is none, it is closed like any other.
            silent_s = 0.0 if one.owner is None else one.owner.silent_s
            return Takeover.CLOSE if silent_s >= self.policy.lost_after_s else Takeover.LEAVE
        return decision

    def _tell_unseen(self, one: OwnedExecution) -> None:
        """Once of each, and not before workers that find its runner had their turn."""
        owner = one.owner
        if owner is None or owner.silent_s < self.policy.lost_after_s or one.execution_id in self._told:
            return
        self._told.add(one.execution_id)
        log.warning(
            "execution %s runs with launcher %s, and no worker that is set to it is there: start one",
            one.execution_id,
            one.launcher,
        )

    def _is_steady(self) -> bool:
        now = self._now()
        if self._began is None or now - self._looked >= STALE_S:
            self._began = None
            return False
        return now - self._began >= STALE_S

    def _note_look(self) -> None:
        self._looked = self._now()
        if self._began is None:
            self._began = self._looked

    @staticmethod
    def _now() -> float:
        return time.monotonic()

    async def _take_over(self, one: OwnedExecution) -> Execution | None:
        if self.worker_id is None:
            return None
        owner = one.owner
        self.attempted.add(one.execution_id)
        taken = await state_machine.adopt(
            self.db,
            one.execution_id,
            self.worker_id,
            None if owner is None else owner.id,
            keeps_process=owner is None or self.policy.trusts_pids_of(owner),
        )
        if taken is not None:
            former = "an unknown worker" if owner is None else f"worker {owner.id} (pid {owner.process_id})"
            log.info("execution %s is taken over from %s", one.execution_id, former)
        return taken

    async def _close(self, one: OwnedExecution) -> None:
        owner = one.owner
        if owner is None:
            return
        sees_runner = self.policy.trusts_pids_of(owner)
        left: tuple[LeakedProcess, ...] = ()
        if sees_runner:
            # Its files are elsewhere, its processes are here: they do not go on unwatched.
            found = await state_machine.process_of(self.db, one.execution_id)
            left = await end_runner(self.process_table, str(one.execution_id), found, LEFTOVER_GRACE_S)
        reason = (
            f"The worker on {owner.host} that ran it was not heard of for {owner.silent_s:.0f} s, "
            "and no other worker can see its runner"
        )
        ending = Ending(
            ExecutionStatus.LOST,
            Failure(FailureKind.LOST, reason),
            leaked_processes=left,
            runner_unseen=not sees_runner,
        )
        closed = await state_machine.finish(
            self.db, one.execution_id, ending, owner.id, rerun_lost=self.rerun_lost
        )
        if closed is not None:
            log.warning("execution %s is closed: worker %s has vanished", one.execution_id, owner.id)

    async def _forget(self) -> None:
        """Now and then, and not just after the start."""
        if self._now() - self._forgot >= FORGET_PAUSE_S:
            self._forgot = self._now()
            await workers.delete_gone(self.db)


async def close_unseen(db: Database, lost_after_s: float, *, rerun_lost: bool = False) -> None:
    """Closes what no worker can see, until cancelled: for a server without a worker of its own."""
    recovery = Recovery(db, TakeoverPolicy(None, lost_after_s), rerun_lost=rerun_lost)
    while True:
        try:
            await recovery.look(lambda _: None)
        except StoreError as error:
            log.warning("executions of vanished workers are not looked after just now: %s", error)
        except Exception:
            # Whatever it was: no other process may be left to do this.
            log.exception("looking after executions of vanished workers failed")
        await asyncio.sleep(HEARTBEAT_S)
