"""Checks of the database: whether it can be used, whether queue and workers make progress, and what is stuck."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from gql_server.doctor.findings import Finding, Level, ok, problem, warning
from gql_server.process.startup import database_server
from gql_server.settings.settings import Settings
from runner_bridge.agents import configurations
from runner_bridge.launchers.local_launcher import LOCAL
from runner_bridge.processes import members
from runner_bridge.webhooks import managing
from store.embedded.cluster import SUPERUSER
from store.embedded.programs import find_programs
from store.errors import DatabaseUnsuitable, SchemaOutdated, SchemaTooNew, StoreError
from store.executions import state_machine
from store.model import Execution, ExecutionOrigin, ExecutionStatus
from store.postgres import requirements
from store.postgres.connector import Connector
from store.postgres.database import Database
from store.postgres.migrate import require_newest
from store.webhooks import webhooks
from store.webhooks.webhooks import Webhook
from store.workers import diagnosis, workers
from store.workers.diagnosis import QueueFacts, ServerFacts
from store.workers.workers import OwnedExecution, Worker

OLDEST_POSTGRES = 140_000
"""What is tested: PostgreSQL 14 and newer."""

MAX_SKEW_S = 5.0
"""Times come from the database alone; more than this confuses people who compare logs."""

LOCKED_S = 1.0
"""A lock that lasts longer than any of ours is reported."""

NOT_LOOKED_AT = "queue and workers were not looked at"

SHOWN_PROCESSES = 5
"""Processes listed that outlived their executions."""

LONG_WAIT_S = 60.0
"""With free workers an execution waits for milliseconds."""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Findings about the database; when it is away, that is the one."""
    embedded = settings.data_dir.absolute() / "postgres"
    if settings.database_url is None and not embedded.exists():
        yield ok("database", f"embedded, made in {settings.data_dir} at the first start")
        return
    try:
        async with database_server(settings) as url:
            async for finding in _of(url, settings):
                yield finding
            if settings.database_url is None:
                yield _backup(embedded)
    except (SchemaOutdated, SchemaTooNew) as error:
        yield problem("schema", str(error), "Run `reev-gql migrate` with the newest reev-gql")
    except DatabaseUnsuitable as error:
        yield problem("database", _line(error), f"Change that; {NOT_LOOKED_AT}")
    except TimeoutError:
        yield problem("database", "it does not answer in time", f"Look at pg_stat_activity; {NOT_LOOKED_AT}")
    except (StoreError, OSError) as error:
        yield problem("database", _line(error), f"Start PostgreSQL, or correct DATABASE_URL; {NOT_LOOKED_AT}")
    except Exception as error:
        yield problem("database", f"looking at it failed: {_line(error)}", f"Report that; {NOT_LOOKED_AT}")


def _backup(data: Path) -> Finding:
    """PostgreSQL refuses a pg_dump that is older than itself, which that of the machine may be."""
    program = find_programs(int((data / "PG_VERSION").read_text()))["pg_dump"]
    command = shlex.join([program, "-h", str(data), "-U", SUPERUSER, "-Fc", "-f", "reev-gql.dump"])
    return ok("backup", f"while a server runs: {command}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


async def _required(url: str) -> list[Finding]:
    """Checks what the database must be. Raises StoreError for what it is not."""
    async with requirements.checked(Connector(url)) as (connection, facts):
        # Locks first: what is locked cannot be checked.
        held = await requirements.locks(connection, LOCKED_S)
        findings = [problem("locks", str(lock), lock.remedy) for lock in held]
        if facts.process_id != connection.get_server_pid():
            # One that gives each transaction another session was refused above.
            message = "a pooler is in front of PostgreSQL and keeps sessions, as it must"
            findings.append(ok("pooler", f"{message}; its pool must hold the connections of all processes"))
        if not held:
            applied = await requirements.revision(connection, facts)
            try:
                require_newest(applied)
            except SchemaOutdated:
                # A role that cannot migrate gets that finding instead.
                requirements.may_migrate(url, facts)
                raise
            await requirements.try_to_write(connection)
            findings += [
                ok("schema", f"revision {applied} is the newest"),
                ok("writes", f"{facts.role} may read and write {facts.database}, and a write was taken"),
            ]
        return findings


async def _of(url: str, settings: Settings) -> AsyncIterator[Finding]:
    required = await _required(url)
    for finding in required:
        yield finding
    db = await Database.open(url, max_size=1)
    try:
        for finding in _server(await diagnosis.server(db)):
            yield finding
        if any(finding.level is Level.PROBLEM for finding in required):
            return
        present, queue = await workers.present(db), await diagnosis.queue(db)
        for finding in (*_workers(present), *_queue(queue, present)):
            yield finding
        for finding in _stuck(await workers.owned(db)):
            yield finding
        live = await state_machine.live(db)
        for finding in await asyncio.to_thread(lambda: list(_leaked(live))):
            yield finding
        secret_key = settings.runner.secret_key
        for finding in _keys(await configurations.unusable_keys(db, secret_key)):
            yield finding
        unusable = await managing.unusable_secrets(db, secret_key)
        for finding in _webhooks(await webhooks.every(db), unusable):
            yield finding
    finally:
        await db.close()


def _keys(unusable: Mapping[str, str]) -> Iterator[Finding]:
    for agent, reason in unusable.items():
        yield problem("agent keys", reason, f"Every execution of {agent} fails until then")
    if not unusable:
        yield ok("agent keys", "every stored API key can be decrypted")


def _webhooks(every: Sequence[Webhook], unusable: Mapping[str, str]) -> Iterator[Finding]:
    for url, reason in unusable.items():
        yield problem(
            "webhooks", f"{url}: {reason}", "Nothing is sent there until then; or delete it, and add it anew"
        )
    silent = [webhook for webhook in every if webhook.disabled_at or webhook.failing_since]
    for webhook in silent:
        if webhook.disabled_at:
            when = f"{webhook.disabled_at:%Y-%m-%d %H:%M} UTC"
            message = f"{webhook.url} was given up at {when}: {webhook.last_error}"
            yield warning(
                "webhooks", message, f"When it answers again: `reev-gql webhooks enable {webhook.id}`"
            )
        else:
            message = f"{webhook.url} has {webhook.pending} messages to come and fails: {webhook.last_error}"
            yield warning("webhooks", message, f"Try it with `reev-gql webhooks test {webhook.id}`")
    if not silent and not unusable:
        yield ok("webhooks", f"{len(every)}, none of which fails" if every else "none")


def _server(facts: ServerFacts) -> Iterator[Finding]:
    if facts.version_number < OLDEST_POSTGRES:
        yield warning(
            "database", f"PostgreSQL {facts.version} is older than what is tested", "Use 14 or newer"
        )
    else:
        yield ok("database", f"PostgreSQL {facts.version} answers")
    skew = facts.now_s - time.time()
    if abs(skew) > MAX_SKEW_S:
        how_far = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'}"
        message = f"the database's clock is {how_far} this machine's"
        yield warning("clock", message, "Synchronise both; what is stored has the database's times")
    if facts.connections > 0.8 * facts.max_connections:
        message = f"{facts.connections} of {facts.max_connections} connections are in use"
        yield warning("connections", message, "Lower REEV_GQL_POOL_SIZE, or raise max_connections")
    if facts.notification_queue > 0.01:
        message = f"PostgreSQL's notification queue is {facts.notification_queue:.0%} full"
        how = "Look for old transactions of listeners in pg_stat_activity; when it is full nothing can commit"
        yield (problem if facts.notification_queue > 0.5 else warning)("notifications", message, how)


def _workers(present: Sequence[Worker]) -> Iterator[Finding]:
    fresh = [worker for worker in present if worker.is_fresh]
    for worker in present:
        if not worker.is_fresh:
            message = f"worker {worker.id} on {worker.host} (pid {worker.process_id}) is silent for "
            message += f"{worker.silent_s:.0f} s and holds {worker.live_executions} executions"
            yield warning("workers", message, "Start a worker on that machine: it takes over or closes them")
    if fresh:
        capacity = sum(worker.capacity for worker in fresh)
        live = sum(worker.live_executions for worker in fresh)
        yield ok("workers", f"{len(fresh)} at work, {live} of {capacity} executions running")
    else:
        yield warning("workers", "none is at work", "Start `reev-gql serve` or `reev-gql worker`")


def _queue(facts: QueueFacts, present: Sequence[Worker]) -> Iterator[Finding]:
    has_room = any(worker.is_fresh and worker.live_executions < worker.capacity for worker in present)
    waits = f"{facts.queued} executions wait, the oldest for {facts.oldest_s:.0f} s"
    if facts.queued and not any(worker.is_fresh for worker in present):
        yield problem("queue", f"{waits}, and no worker is at work", "Start `reev-gql worker`")
    elif facts.oldest_s > LONG_WAIT_S and has_room:
        how = (
            "Look at limits (REEV_GQL_MAX_CONCURRENT_EXECUTIONS and those of agents) and at the worker's log"
        )
        yield warning("queue", f"{waits}, although there is room", how)
    else:
        yield ok("queue", waits if facts.queued else "empty")


def _stuck(owned: Sequence[OwnedExecution]) -> Iterator[Finding]:
    stuck = [
        one
        for one in owned
        if one.origin is ExecutionOrigin.REQUESTED
        and (one.owner is None or one.owner.has_left or one.owner.silent_s >= workers.STALE_S)
    ]
    for one in stuck:
        whose = (
            "has no worker" if one.owner is None else f"belongs to a worker on {one.owner.host} that is gone"
        )
        how = (
            "Start a worker there: within seconds it takes over or closes it"
            if one.launcher in (None, LOCAL)
            else f"Start a worker with REEV_GQL_LAUNCHER={one.launcher}: only such a one finds its runner"
        )
        yield problem("stuck", f"execution {one.execution_id} has not ended and {whose}", how)
    if not stuck:
        yield ok("stuck", "no execution is without a living worker")


def _leaked(live: Sequence[Execution]) -> Iterator[Finding]:
    ids = {str(execution.id) for execution in live if execution.status is not ExecutionStatus.QUEUED}
    leaked = [(pid, marker) for pid, marker in _marked() if marker not in ids]
    if not leaked:
        yield ok("processes", "no runner outlived its execution on this machine")
        return
    shown = ", ".join(f"{pid} (execution {marker})" for pid, marker in leaked[:SHOWN_PROCESSES])
    more = f" and {len(leaked) - SHOWN_PROCESSES} more" if len(leaked) > SHOWN_PROCESSES else ""
    message = f"runners' processes whose executions are not live in this database: {shown}{more}"
    how = "Unless a server with another database started them, end them: kill PID"
    yield warning("processes", message, how)


def _marked() -> Iterator[tuple[int, str]]:
    for process in psutil.process_iter():
        try:
            marker = process.environ().get(members.MARKER)
        except (psutil.Error, OSError):
            continue
        if marker:
            yield process.pid, marker
