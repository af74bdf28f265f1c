"""Turns errors of the driver into errors of store.errors.

An error that is in none of these lists is a bug, and is raised as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from store.errors import (
    DatabaseContended,
    DatabaseNotWritable,
    DatabaseUnavailable,
    DatabaseUrlInvalid,
    SchemaChanged,
    StoreError,
)
from store.postgres import database_url

UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InterfaceError,
    # What the driver says when a connection breaks between two steps of one call.
    asyncpg.InternalClientError,
)
"""The server is away, stopping or full, or refuses the connection."""

NOT_WRITABLE = (
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.PostgresIOError,
)
"""The server refuses this write until somebody changes that."""

CONTENDED = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)
"""Deadlocks, lock timeouts and serialization failures. Nothing was written."""

OUTDATED = (
    asyncpg.InvalidCachedStatementError,
    # The session's prepared statements are gone: a client has deallocated them.
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
    # In functions, plans are kept by the server, and so are types of columns.
    asyncpg.DatatypeMismatchError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedObjectError,
    asyncpg.UndefinedTableError,
)
"""The schema changed after the statement was prepared. Nothing was written: it failed at once."""


def describe_url(url: str) -> str:
    """Hosts, ports and database of `url`, for messages: never the user's password."""
    try:
        return database_url.parse(url).describe()
    except DatabaseUrlInvalid:
        return "a URL that cannot be used"


def reason_of(url: str, error: BaseException) -> str:
    """The driver's message, on one line and without a secret."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    try:
        secrets = database_url.parse(url).secrets
    except DatabaseUrlInvalid:
        secrets = ()
    for secret in secrets:
        reason = reason.replace(secret, "***")
    return reason


def unavailable(url: str, error: BaseException) -> DatabaseUnavailable:
    """The typed error for a server that cannot be reached, with the driver's reason but no secret."""
    return DatabaseUnavailable(f"PostgreSQL at {describe_url(url)} cannot be used: {reason_of(url, error)}")


def not_writable(url: str, error: BaseException) -> DatabaseNotWritable:
    """The typed error for a write that is not taken."""
    match error:
        case asyncpg.DiskFullError():
            brief = "the disk of the database is full"
        case asyncpg.ReadOnlySQLTransactionError():
            brief = "the database is read-only"
        case asyncpg.InsufficientPrivilegeError():
            brief = "a right in the database is missing"
        case _:
            brief = "the database cannot read or write its files"
    return DatabaseNotWritable(f"PostgreSQL at {describe_url(url)}: {brief}: {reason_of(url, error)}", brief)


def typed(url: str, error: BaseException | None) -> StoreError | None:
    """The error of store.errors for one of the driver; None for one that is a bug."""
    if error is None:
        return None
    if isinstance(error, NOT_WRITABLE):
        return not_writable(url, error)
    if isinstance(error, OUTDATED):
        how = "try again shortly, or start the version of reev-gql that fits it"
        return SchemaChanged(f"The database's schema was changed; {how}")
    if isinstance(error, CONTENDED):
        return DatabaseContended("Others were changing the same rows; try again shortly")
    if isinstance(error, (TimeoutError, *UNAVAILABLE)):
        return unavailable(url, error)
    return None


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Errors of the driver in the block are raised as errors of store.errors."""
    try:
        yield
    except Exception as error:
        if (known := typed(url, error)) is not None:
            raise known from error
        raise
