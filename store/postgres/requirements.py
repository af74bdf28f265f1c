"""What this program requires of a database, and the message when it is not so.

Checked when a process starts, by every command, by `doctor`, and by the probes of a running server. A pooler that
gives each transaction another session is refused, because notifications and prepared statements get lost behind
it; it is recognised by what it does, not by its address.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields

import asyncpg

from store import sql
from store.errors import DatabaseNotWritable, DatabaseUnsuitable
from store.postgres.connector import Connection, Connector
from store.postgres.driver_errors import describe_url, translated
from store.records import record

SQL = sql.load("requirements")

TABLES = (
    "agent_configs",
    "agent_revisions",
    "api_tokens",
    "batches",
    "benchmark_changes",
    "benchmark_revisions",
    "benchmarks",
    "event_positions",
    "execution_days",
    "execution_events",
    "execution_messages",
    "execution_output",
    "execution_results",
    "execution_steps",
    "execution_tool_calls",
    "execution_tool_log_text",
    "execution_tool_logs",
    "execution_words",
    "execution_words_due",
    "executions",
    "figure_counts",
    "figure_groups",
    "figures",
    "ingest_conflicts",
    "ingest_failures",
    "log_timelines",
    "performance",
    "performance_excluded",
    "performance_noted",
    "performance_times",
    "pruned_executions",
    "reev_imports",
    "retention_progress",
    "webhook_deliveries",
    "webhooks",
    "workers",
)
"""Every table of the newest schema."""

STATEMENT_POOLING = "statement pooling mode"
"""In PgBouncer's error where not even a transaction keeps one session."""

ROUNDS = 8
"""How often two connections compare sessions: a busy pooler may give one of them the same session by chance."""

LOCK_WAIT_S = 1.0
"""How long reading the schema's revision waits for a lock."""


@record
class DatabaseFacts:
    """Facts about a database and the role that is used."""

    process_id: int
    is_standby: bool
    is_read_only: bool
    encoding: str
    schema: str | None
    search_path: str
    role: str
    database: str
    may_create: bool
    is_migrated: bool
    forbidden: list[str]
    """Tables of ours that the role may not read and write."""


@record
class Lock:
    """A lock of another transaction on a table of ours."""

    table: str
    process_id: int | None
    """Of PostgreSQL's process; None for a prepared transaction."""
    application_name: str | None
    seconds: float

    @property
    def remedy(self) -> str:
        """What an administrator can do."""
        if self.process_id is None:
            return "Commit it or roll it back: pg_prepared_xacts names it"
        return f"Let it end, or end it: SELECT pg_terminate_backend({self.process_id})"

    def __str__(self) -> str:
        who = "a prepared transaction"
        if self.process_id is not None:
            who = f"process {self.process_id} of PostgreSQL ({self.application_name or 'it has no name'})"
        locked = f"The table {self.table} has been locked for {self.seconds:.0f} s by {who}"
        return f"{locked}: what needs it waits until that transaction ends"


@asynccontextmanager
async def checked(connector: Connector) -> AsyncIterator[tuple[Connection, DatabaseFacts]]:
    """A connection in a transaction to a database that meets the requirements, and facts about that.

    Raises DatabaseUnsuitable when it does not, DatabaseUnavailable when it cannot be asked.
    """
    url = connector.url
    with translated(url):
        # Poolers may know no prepared statements, and inside a transaction they give one session.
        connection = await connector.connect("check", kept_statements=0)
        try:
            facts = await _facts(url, connection)
            if facts.process_id != connection.get_server_pid() and await _shares_sessions(
                connector, connection
            ):
                raise _shared_sessions(url)
            _require(url, facts)
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{round(LOCK_WAIT_S * 1000)}ms'")
                yield connection, facts
        finally:
            connection.terminate()


async def _facts(url: str, connection: Connection) -> DatabaseFacts:
    try:
        async with connection.transaction():
            row = await connection.fetchrow(SQL["facts"], TABLES)
    except asyncpg.PostgresConnectionError as error:
        if STATEMENT_POOLING in str(error):
            raise _shared_sessions(url) from error
        raise
    return DatabaseFacts(**{field.name: row[field.name] for field in fields(DatabaseFacts)})


async def revision(connection: Connection, facts: DatabaseFacts) -> str | None:
    """The schema's revision, None before the first migration. Raises LockNotAvailableError."""
    if not facts.is_migrated:
        return None
    async with connection.transaction():
        found = await connection.fetchval(SQL["revision"])
    return None if found is None else str(found)


async def locks(connection: Connection, seconds: float) -> list[Lock]:
    """Locks on tables of ours that have lasted for `seconds`, the longest first."""
    found = await connection.fetch(SQL["locks"], TABLES, seconds)
    return [Lock(row["table"], row["process_id"], row["application_name"], row["seconds"]) for row in found]


async def try_to_write(connection: Connection) -> None:
    """Writes enough to make a file grow, and rolls back. Raises the driver's error when that is refused."""
    attempt = connection.transaction()
    await attempt.start()
    try:
        await connection.execute(SQL["write"])
    finally:
        await attempt.rollback()


def may_migrate(url: str, facts: DatabaseFacts) -> None:
    """Raises DatabaseUnsuitable when the role cannot make tables."""
    if facts.may_create:
        return
    raise DatabaseUnsuitable(
        f"The schema of {describe_url(url)} is not the newest, and role {facts.role} may not make tables in it: "
        f"GRANT CREATE ON SCHEMA {facts.schema} TO {facts.role}, or run `reev-gql migrate` as a role that may",
        "the schema is not the newest, and cannot be migrated",
    )


def _require(url: str, facts: DatabaseFacts) -> None:
    where = describe_url(url)
    if facts.is_standby:
        raise DatabaseNotWritable(
            f"PostgreSQL at {where} is a standby, which takes no writes: use the primary's address, or name all "
            "hosts in DATABASE_URL (host1,host2) and the primary is found",
            "the database is a standby, which takes no writes",
        )
    if facts.is_read_only:
        raise DatabaseNotWritable(
            f"PostgreSQL at {where} is read-only: switch default_transaction_read_only off for the server, the "
            f"database and role {facts.role}",
            "the database is read-only",
        )
    if facts.encoding != "UTF8":
        raise DatabaseUnsuitable(
            f"The database {where} is encoded in {facts.encoding}, which cannot hold every text: use one made by "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
            "the database is not encoded in UTF-8",
        )
    if facts.schema is None:
        raise DatabaseUnsuitable(
            f"None of the schemas in search_path ({facts.search_path}) is in {where}, or role {facts.role} may "
            "not use it: CREATE SCHEMA, or correct DATABASE_URL",
            "the schema of the database is missing",
        )
    if facts.is_migrated and facts.forbidden:
        raise DatabaseNotWritable(
            f"Role {facts.role} may not read and write {', '.join(facts.forbidden)} in {where}: GRANT SELECT, "
            "INSERT, UPDATE, DELETE ON ALL TABLES and USAGE ON ALL SEQUENCES IN SCHEMA "
            f"{facts.schema} TO {facts.role}",
            "a right in the database is missing",
        )


def _shared_sessions(url: str) -> DatabaseUnsuitable:
    return DatabaseUnsuitable(
        f"PostgreSQL at {describe_url(url)} is behind a pooler that gives each transaction another session "
        "(PgBouncer's pool_mode=transaction): use its session mode, or the address of the server itself",
        "the database is behind a pooler in transaction mode",
    )


async def _shares_sessions(connector: Connector, first: Connection) -> bool:
    """Whether another connection sees what one set in its session, or that one no longer does."""
    second = await connector.connect("check", kept_statements=0)
    try:
        for _ in range(ROUNDS):
            mark = secrets.token_hex(8)
            async with first.transaction():
                await first.execute(SQL["mark"], mark)
            # Meanwhile the second one keeps what it was given: the first is given another, if it shares.
            async with second.transaction():
                if await second.fetchval(SQL["marked"]) == mark:
                    return True
                async with first.transaction():
                    if await first.fetchval(SQL["marked"]) != mark:
                        return True
        return False
    finally:
        second.terminate()
