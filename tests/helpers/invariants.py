"""The invariants I1 to I10 that hold after every fault, whatever it was: one function, readable violations.

The database is read in one snapshot, so it may be asked while everything is at work. What only the caller
knows (what was acknowledged, which processes are ours, secrets that must be nowhere) is an argument; what is
not given is not checked.
"""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import psutil

from runner_bridge.processes import members, process_identity
from tests.helpers.patience import DEADLINE_S

FRESH_S = 10.0
"""An owner that was silent for longer has lost its executions (I4)."""

IDLE_IN_TRANSACTION_S = 1.0
"""Nothing of ours thinks that long while it holds locks (I8)."""

LEFTOVER_SLACK = 2
"""Descriptors, tasks and temporary files that a library may keep (I9)."""

LOOK_S = 0.05
"""Between two looks of `settled`."""

PATHS = {
    "REQUESTED": re.compile(
        "QUEUED(>STOPPED|>RUNNING(>SUCCEEDED|>FAILED|>TIMED_OUT|>LOST|>STOPPING(>STOPPED)?)?)?"
    ),
    "OBSERVED": re.compile("RUNNING|(RUNNING>((LOST|FAILED)>)?)?(SUCCEEDED|FAILED|TIMED_OUT|STOPPED|LOST)"),
}
"""Every way through the state machine, by who started the runner: the picture in docs/executions.md."""

Connection: TypeAlias = Any


@dataclass(frozen=True)
class Baseline:
    """What our processes and this loop held open before the faults began."""

    descriptors: dict[int, int]
    tasks: int
    files: dict[Path, int]

    @classmethod
    def take(cls, pids: Iterable[int] = (), directories: Iterable[Path] = ()) -> Baseline:
        """`directories` are those where temporary files would be left."""
        try:
            tasks = len(asyncio.all_tasks())
        except RuntimeError:
            tasks = 0
        return cls(
            {pid: len(os.listdir(f"/proc/{pid}/fd")) for pid in (os.getpid(), *pids)},
            tasks,
            {directory: _temporary_files(directory) for directory in directories},
        )

    def violations(self) -> list[str]:
        """I9, against what there is now; a process that has ended left nothing."""
        living = [pid for pid in self.descriptors if process_identity.is_living(pid)]
        now = Baseline.take([pid for pid in living if pid != os.getpid()], self.files)
        pairs = [
            *(
                (f"process {pid}", "descriptors", self.descriptors[pid], now.descriptors[pid])
                for pid in living
            ),
            ("this loop", "tasks", self.tasks, now.tasks),
            *((str(path), "temporary files", self.files[path], now.files[path]) for path in self.files),
        ]
        return [
            f"I9 {where} has {after} {what}, {before} before the faults"
            for where, what, before, after in pairs
            if after > before + LEFTOVER_SLACK
        ]


def _temporary_files(directory: Path) -> int:
    return sum(path.name.startswith(".") or path.suffix in (".tmp", ".part") for path in directory.rglob("*"))


@dataclass(frozen=True)
class InvariantContext:
    """What the caller knows beside the database. `servers` is how many processes of ours may be connected."""

    acknowledged: Collection[uuid.UUID] = ()
    servers: int = 1
    pool_size: int = 10
    pids: Sequence[int] = ()
    canaries: Sequence[str] = ()
    files: Sequence[Path] = ()
    baseline: Baseline | None = None
    owners_must_live: bool = True
    """False where executions were claimed by hand, by workers that are only a name."""


NOTHING_ELSE = InvariantContext()


async def violations(url: str, around: InvariantContext = NOTHING_ELSE) -> list[str]:
    """Every violated invariant in words, with its number first; nothing when all hold."""
    async with _snapshot(url) as connection:
        found = await violations_in_database(connection, around)
        found += await _owners(connection, around)
        found += await _orphans(connection)
        found += await _canaries_in_database(connection, around)
    found += _canaries_elsewhere(around)
    if around.baseline is not None:
        found += around.baseline.violations()
    return found


async def violations_in_database(
    connection: Connection, around: InvariantContext = NOTHING_ELSE
) -> list[str]:
    """What the rows alone tell: I1, I2, I3, I6, I7 and I8. Cheap enough to be asked after every step."""
    found: list[str] = []
    for check in (_ends, _events, _paths, _results, _connections, _acknowledged):
        found += await check(connection, around)
    return found


async def check_invariants(url: str, around: InvariantContext = NOTHING_ELSE) -> None:
    """AssertionError with every violation, when there is one."""
    found = await violations(url, around)
    assert not found, told(found)


def told(found: Sequence[str]) -> str:
    """Violations in one text."""
    return "\n".join(["invariants are violated:", *found])


async def settled(url: str, around: InvariantContext = NOTHING_ELSE, deadline_s: float = DEADLINE_S) -> None:
    """The same, once what is on its way out is gone: right after a fault a process may still be dying."""
    deadline = asyncio.get_running_loop().time() + deadline_s
    while found := await violations(url, around):
        assert asyncio.get_running_loop().time() < deadline, told(found)
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _snapshot(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url, server_settings={"application_name": "invariants"})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()


async def _told(connection: Connection, statement: str, *arguments: object) -> list[str]:
    return [row[0] for row in await connection.fetch(statement, *arguments)]


ENDS = """
WITH ends AS (
    SELECT execution_id, count(*) AS n, max(seq) AS seq, min(status::text) AS status,
           (array_agg(data ORDER BY seq DESC))[1] AS data
    FROM execution_events WHERE is_terminal(status) AND NOT data ? 'superseded' GROUP BY 1
)
SELECT format('I1 execution %s is %s, its %s terminal event(s) say %s', x.id, x.status, coalesce(n, 0),
              coalesce(ends.status, 'nothing'))
FROM executions x LEFT JOIN ends ON ends.execution_id = x.id
WHERE CASE WHEN is_terminal(x.status) THEN n IS DISTINCT FROM 1 OR ends.status <> x.status::text
           ELSE n IS NOT NULL END
UNION ALL
SELECT format('I1 execution %s goes on after its end: events up to %s, its end is %s', x.id, x.event_seq, ends.seq)
FROM executions x JOIN ends ON ends.execution_id = x.id WHERE x.event_seq > ends.seq
UNION ALL
SELECT format('I1 execution %s has score %s and success %s, its end told %s', x.id, x.score, x.success, ends.data)
FROM executions x JOIN ends ON ends.execution_id = x.id
WHERE ends.data ? 'score' AND ((ends.data ->> 'score')::double precision IS DISTINCT FROM x.score
                               OR (ends.data ->> 'success')::boolean IS DISTINCT FROM x.success
                               OR ends.data ->> 'failureKind' IS DISTINCT FROM x.failure_kind::text)
UNION ALL
SELECT 'I1 the database would let an ended execution change: its trigger is gone' WHERE NOT EXISTS (
    SELECT FROM pg_trigger WHERE tgname = 'ended_execution_never_changes' AND tgenabled = 'O'
)
"""

EVENTS = """
SELECT format('I2 execution %s: its row says %s events, there are %s with seq %s to %s',
              x.id, x.event_seq, e.n, e.first, e.last)
FROM executions x CROSS JOIN LATERAL (
    SELECT count(*) AS n, min(seq) AS first, max(seq) AS last FROM execution_events WHERE execution_id = x.id
) AS e
LEFT JOIN pruned AS p ON p.execution_id = x.id
WHERE e.n + coalesce(p.events, 0) <> x.event_seq
   OR e.first IS DISTINCT FROM 1 OR e.last IS DISTINCT FROM x.event_seq
"""

PATHS_TAKEN = """
SELECT x.id, x.origin::text, x.status::text, string_agg(e.status::text, '>' ORDER BY e.seq) AS path
FROM executions x LEFT JOIN execution_events e ON e.execution_id = x.id AND e.status IS NOT NULL
GROUP BY x.id
"""

RESULTS = """
SELECT format('I7 execution %s keeps hash %s, its stored result is %s', x.id,
              coalesce(x.session_file_hash, 'none'), coalesce(r.content_hash, 'missing'))
FROM executions x FULL JOIN execution_results r ON r.execution_id = x.id
WHERE x.session_file_hash IS DISTINCT FROM r.content_hash
  AND NOT (
      r IS NULL AND EXISTS (SELECT FROM pruned AS p WHERE p.execution_id = x.id AND coalesce(p.results, 1) = 1)
  )
UNION ALL
SELECT format('I7 execution %s is %s and has a result already', x.id, x.status)
FROM executions x JOIN execution_results r ON r.execution_id = x.id WHERE NOT is_terminal(x.status)
UNION ALL
SELECT format('I7 execution %s has %s steps, the last is number %s', execution_id, count(*), max(ordinal))
FROM execution_steps GROUP BY execution_id HAVING count(*) <> max(ordinal)
"""

CONNECTIONS = """
WITH ours AS (
    SELECT * FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'reev-gql%'
)
SELECT format('I8 there are %s connections called %s, at most %s are allowed', count(*), application_name, allowed)
FROM ours
CROSS JOIN LATERAL (
    SELECT CASE WHEN application_name = 'reev-gql' THEN $1::integer ELSE $2::integer END AS allowed
) AS bound
GROUP BY application_name, allowed HAVING count(*) > allowed
UNION ALL
SELECT format('I8 connection %s (%s) does nothing in a transaction for %s s', pid, application_name,
              extract(epoch FROM clock_timestamp() - state_change)::integer)
FROM ours
WHERE state LIKE 'idle in transaction%' AND clock_timestamp() - state_change > make_interval(secs => $3)
"""

LIVE = """
SELECT x.id, x.origin::text, x.status::text, x.process_id, x.process_started_at, EXISTS (
    SELECT FROM workers w WHERE w.id = x.worker_id AND w.left_at IS NULL
    AND clock_timestamp() - w.heartbeat_at < make_interval(secs => $1)
) AS has_owner
FROM executions x WHERE x.status IN ('RUNNING', 'STOPPING')
"""


async def _ends(connection: Connection, around: InvariantContext) -> list[str]:
    return await _told(connection, ENDS)


async def _events(connection: Connection, around: InvariantContext) -> list[str]:
    return await _told(connection, EVENTS)


async def _paths(connection: Connection, around: InvariantContext) -> list[str]:
    found = []
    for row in await connection.fetch(PATHS_TAKEN):
        path = row["path"] or ""
        if not PATHS[row["origin"]].fullmatch(path) or path.rpartition(">")[2] != row["status"]:
            found.append(
                f"I3 execution {row['id']} ({row['origin']}) is {row['status']}, its events say {path}"
            )
    return found


async def _owners(connection: Connection, around: InvariantContext) -> list[str]:
    """A running execution has a living process, or a worker with a fresh heartbeat."""
    if not around.owners_must_live:
        return []
    return [
        f"I4 execution {row['id']} is {row['status']} and nobody will ever end it: no living process "
        f"(pid {row['process_id']}), no worker with a fresh heartbeat"
        for row in await connection.fetch(LIVE, FRESH_S)
        if not row["has_owner"] and not _lives(row)
    ]


def _lives(row: Any) -> bool:
    pid, started = row["process_id"], row["process_started_at"]
    return pid is not None and process_identity.start_time(pid) == started and process_identity.is_living(pid)


async def _orphans(connection: Connection) -> list[str]:
    """Marked processes of executions that this database says have ended."""
    marked = {pid: marker for pid in psutil.pids() if (marker := _marker_of(pid)) is not None}
    ended = await connection.fetch(
        "SELECT id::text FROM executions WHERE is_terminal(status) AND id::text = ANY($1::text[])",
        list(marked.values()),
    )
    over = {row["id"] for row in ended}
    return [
        f"I5 process {pid} of execution {marker} lives, the execution has ended"
        for pid, marker in marked.items()
        if marker in over and process_identity.is_living(pid)
    ]


def _marker_of(pid: int) -> str | None:
    prefix = f"{members.MARKER}=".encode()
    for entry in _read(Path(f"/proc/{pid}/environ")).split(b"\0"):
        if entry.startswith(prefix):
            return entry.removeprefix(prefix).decode(errors="replace")
    return None


def _read(path: Path) -> bytes:
    """What the file holds; nothing when it is gone or not for us to see."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def _acknowledged(connection: Connection, around: InvariantContext) -> list[str]:
    found = await connection.fetch(
        "SELECT id FROM executions WHERE id = ANY($1::uuid[])", around.acknowledged
    )
    missing = set(around.acknowledged) - {uuid.UUID(int=row["id"].int) for row in found}
    return [f"I6 execution {one} was acknowledged and is not in the database" for one in sorted(missing)]


async def _results(connection: Connection, around: InvariantContext) -> list[str]:
    return await _told(connection, RESULTS)


async def _connections(connection: Connection, around: InvariantContext) -> list[str]:
    pools = around.pool_size * around.servers
    return await _told(connection, CONNECTIONS, pools, around.servers, IDLE_IN_TRANSACTION_S)


TABLES_READ = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""


async def _canaries_in_database(connection: Connection, around: InvariantContext) -> list[str]:
    """Any column of any table; bytes print as hex."""
    if not around.canaries:
        return []
    found = []
    for table in await _told(connection, TABLES_READ):
        for canary in around.canaries:
            rows = await connection.fetchval(
                f'SELECT count(*) FROM "{table}" AS t WHERE strpos(t::text, $1) + strpos(t::text, $2) > 0',  # noqa: S608
                canary,
                canary.encode().hex(),
            )
            if rows:
                found.append(f"I10 {rows} row(s) of {table} hold a secret ({canary[:4]}…)")
    return found


def _canaries_elsewhere(around: InvariantContext) -> list[str]:
    """Files and the arguments of processes, which anybody on the machine can read."""
    runners = [pid for pid in psutil.pids() if _marker_of(pid) in {str(one) for one in around.acknowledged}]
    paths = [path for given in around.files for path in (given, *given.rglob("*")) if path.is_file()]
    paths += [Path(f"/proc/{pid}/cmdline") for pid in (*around.pids, *runners)] if around.canaries else []
    return [
        f"I10 {path} holds a secret ({canary[:4]}…)"
        for path in paths
        for canary in around.canaries
        if canary.encode() in _read(path)
    ]
