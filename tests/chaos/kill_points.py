"""What happens at the points at which something is killed, in the words of both launchers.

A worker starts one execution for each point, and each waits exactly there: in the database at a gate, or in its
runner for a word of the test.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.clients import STOP
from tests.chaos.deployment import Deployment
from tests.chaos.gates import Authenticator
from tests.chaos.programs import Program

ROOM = {"REEV_GQL_MAX_CONCURRENT_EXECUTIONS": "10", "REEV_GQL_POOL_SIZE": "12"}
"""Settings of these deployments: every execution has a slot, and every gate a connection."""

CLAIMING, UNRECORDED, RUNNING, EXITS, STORING, STORED, STOPPING = POINTS = (
    "held.claiming",
    "held.unrecorded",
    "held.running",
    "held.exits-alone",
    "quick.storing",
    "quick.stored",
    "held_deaf.stopping",
)
"""The agents of one execution each, by where it is: in its claim, started and not recorded, running, about to exit
while nobody looks, storing its result, in the commit of its end, told to end and deaf to it."""

TOLD_TO_END = "told-to-end"

LONG_GRACE_S = "200"
"""Longer than anything here waits: a runner that is deaf to SIGTERM is still there when the worker is killed."""

IS_RECORDED = "NEW.process_id IS NOT NULL OR NEW.handle ? 'pid'"


@dataclass
class AtEveryPoint:
    """A worker with an execution at each of POINTS. The gates are shut."""

    site: Deployment
    worker: Program
    gates: Mapping[str, Authenticator]
    ids: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        """Every statement goes on that waits at a gate."""
        await asyncio.gather(*(gate.open() for gate in self.gates.values()))

    async def ends(self) -> dict[str, str]:
        return {point: await self.site.end_of(execution_id) for point, execution_id in self.ids.items()}

    def starts(self) -> dict[str, int]:
        """How often the runner of each was started."""
        return {point: self.site.notes(one).count("started") for point, one in self.ids.items()}


async def at_every_point(site: Deployment) -> AtEveryPoint:
    gates = {
        CLAIMING: await site.gates.at_commit_of("UPDATE", "executions", CLAIMING, "OLD.status = 'QUEUED'"),
        UNRECORDED: await site.gates.before("UPDATE", "executions", UNRECORDED, IS_RECORDED),
        STORING: await site.gates.before("INSERT", "execution_results", STORING),
        STORED: await site.gates.at_commit_of("UPDATE", "executions", STORED, "NEW.status = 'SUCCEEDED'"),
    }
    site.server(worker=False)
    found = AtEveryPoint(site, site.worker(REEV_GQL_TERM_GRACE_S=LONG_GRACE_S), gates)
    ids = found.ids

    async def launch(*points: str) -> None:
        for point in points:
            ids[point] = await site.launch(point)
            site.watch(ids[point])

    await launch(RUNNING, EXITS, STOPPING)
    for point in (RUNNING, EXITS, STOPPING):
        await site.until_recorded(ids[point])
        await site.until_noted(ids[point], "started")
    await site.until_noted(ids[STOPPING], "deaf")
    await site.client.until_answered(STOP, id=ids[STOPPING])
    await site.until_noted(ids[STOPPING], TOLD_TO_END)
    # Late, because no statement may wait at a gate for longer than a minute.
    await launch(UNRECORDED, STORING, STORED)
    await site.until_noted(ids[UNRECORDED], "started")
    await asyncio.gather(*(gates[point].reached() for point in (UNRECORDED, STORING, STORED)))
    # Last, because claims are made one at a time.
    await launch(CLAIMING)
    await gates[CLAIMING].reached()
    return found


async def worker_killed_at_every_point(site: Deployment) -> None:
    """One worker, one execution at each point, one SIGKILL; the API and its watchers live on."""
    now = await at_every_point(site)
    ids, gates = now.ids, now.gates
    former = (await site.row(ids[RUNNING]))["worker_id"]
    await now.worker.kill()
    await asyncio.gather(
        *(gates[CLAIMING].open(), gates[STORED].open()),
        *(gates[UNRECORDED].break_off(), gates[STORING].break_off()),
    )
    site.go(ids[EXITS])
    await site.until_noted(ids[EXITS], "wrote")

    site.worker("next")
    for point in (RUNNING, UNRECORDED):
        await site.until_taken_over(ids[point], former)
        site.go(ids[point])
    assert await now.ends() == {
        **dict.fromkeys(POINTS, "SUCCEEDED"),
        # Nobody knows whether it was started before the worker died: it is not started again.
        CLAIMING: "LOST",
        STOPPING: "STOPPED",
    }
    assert now.starts() == {**dict.fromkeys(POINTS, 1), CLAIMING: 0}
    await site.check(*ids.values())


AFTER_THE_KILL = ("held.claiming", "held.unrecorded", "quick.storing")
TOLD = ("held_deaf.told", "held_deaf.told-then-killed")
GONE = ("held.gone-unwritten", "held.gone-committing")
UNHEARD = ("held.unheard", "held.unheard-then-wrote")
STOP_POINTS = (*AFTER_THE_KILL, *TOLD, *GONE, *UNHEARD)
"""The agents by when their stop is accepted, and how far it has come when the worker is killed."""


async def worker_killed_at_every_point_of_a_stop(site: Deployment) -> None:
    """Whoever ends it finds the runner alive, gone, or with a result, and says STOPPED all the same."""
    claiming = await site.gates.at_commit_of(
        "UPDATE", "executions", AFTER_THE_KILL[0], "OLD.status = 'QUEUED'"
    )
    unrecorded = await site.gates.before("UPDATE", "executions", AFTER_THE_KILL[1], IS_RECORDED)
    storing = await site.gates.before("INSERT", "execution_results", AFTER_THE_KILL[2])
    is_stopped = "NEW.status = 'STOPPED'"
    unwritten = await site.gates.before("UPDATE", "executions", GONE[0], is_stopped)
    committing = await site.gates.at_commit_of("UPDATE", "executions", GONE[1], is_stopped)
    site.server(worker=False)
    worker = site.worker(REEV_GQL_TERM_GRACE_S=LONG_GRACE_S)
    ids = {point: await site.launch(point) for point in (*TOLD, *GONE, *UNHEARD)}
    for execution_id in ids.values():
        await site.until_recorded(execution_id)
        # A runner that is ended sooner has noted nothing.
        await site.until_noted(execution_id, "started")
    for point in TOLD:
        await site.until_noted(ids[point], "deaf")
        await site.client.until_answered(STOP, id=ids[point])
        await site.until_noted(ids[point], TOLD_TO_END)
    # Late, because no statement may wait at a gate for longer than a minute.
    ids |= {point: await site.launch(point) for point in AFTER_THE_KILL[1:]}
    for point in AFTER_THE_KILL[1:]:
        await site.until_noted(ids[point], "started")
    for point in GONE:
        await site.client.until_answered(STOP, id=ids[point])
    await asyncio.gather(*(gate.reached() for gate in (unrecorded, storing, unwritten, committing)))
    ids[AFTER_THE_KILL[0]] = await site.launch(AFTER_THE_KILL[0])
    await claiming.reached()
    for execution_id in ids.values():
        site.watch(execution_id)
    worker.send(signal.SIGSTOP)
    for point in UNHEARD:
        await site.client.until_answered(STOP, id=ids[point])
    await worker.kill()
    await asyncio.gather(claiming.open(), committing.open())
    await asyncio.gather(*(gate.break_off() for gate in (unrecorded, storing, unwritten)))
    for point in AFTER_THE_KILL:
        await site.client.until_answered(STOP, id=ids[point])
    site.go(ids[UNHEARD[1]])
    await site.until_noted(ids[UNHEARD[1]], "wrote")
    await site.kill_runner(ids[TOLD[1]])

    site.worker("next")
    ends = {point: await site.end_of(execution_id) for point, execution_id in ids.items()}
    assert ends == dict.fromkeys(ids, "STOPPED")
    starts = {point: site.notes(execution_id).count("started") for point, execution_id in ids.items()}
    assert starts == {point: int(point != AFTER_THE_KILL[0]) for point in ids}
    await site.check(*ids.values())
