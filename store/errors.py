"""The errors that the store raises; each message says what to do. Errors of the driver never leave the store.

A message never contains a password or SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from store.model import Batch, Execution


class StoreError(Exception):
    """Base of everything the store raises on purpose."""


class TooManyAgents(StoreError):
    """As many agents are configured as can be; nothing was written."""


class DatabaseUnavailable(StoreError):
    """PostgreSQL cannot be reached, or refused us; the same request may succeed later."""


class DatabaseUrlInvalid(StoreError):
    """The URL of a database cannot be used, or asks for what cannot be honoured; it is not in the message."""


class DatabaseUnsuitable(DatabaseUnavailable):
    """The database answers, and cannot be used as it is until somebody changes it; the message says what.

    `brief` is the message for everybody: it names no host, role or table.
    """

    def __init__(self, message: str, brief: str) -> None:
        super().__init__(message)
        self.brief = brief


class DatabaseNotWritable(DatabaseUnsuitable):
    """The database takes no writes now: its disk is full, it is read-only, or a right is missing."""


class DatabaseBusy(StoreError):
    """Every connection stayed in use for longer than the acquire timeout; try again."""


class DatabaseContended(DatabaseBusy):
    """A deadlock, a lock timeout or a serialization failure: nothing was written; try again."""


class SchemaChanged(DatabaseContended):
    """The schema changed after the statement was prepared: nothing was written; try again."""


class MigrationFailed(StoreError):
    """A migration failed, and left nothing behind."""


class SchemaTooNew(StoreError):
    """The database was migrated by a newer version of this program."""


class SchemaOutdated(StoreError):
    """The database lacks migrations; `reev-gql migrate` applies them."""


class EmbeddedServerFailed(StoreError):
    """The embedded PostgreSQL did not start."""


class BenchmarkNotFound(StoreError):
    """No benchmark of this id, or it is archived; of many asked for, `ids` are all that are missing."""

    def __init__(self, message: str, ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.ids = tuple(ids)


class ExecutionNotFound(StoreError):
    """No execution of this id; of many asked for, `ids` are all that are missing."""

    def __init__(self, message: str, ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.ids = tuple(ids)


class TooManyTags(StoreError):
    """An execution or a batch would have more tags than are kept."""


class IdempotencyConflict(StoreError):
    """The idempotency key was used before with other input; `existing` is that execution."""

    def __init__(self, message: str, existing: Execution) -> None:
        super().__init__(message)
        self.existing = existing


class BatchIdempotencyConflict(StoreError):
    """The idempotency key was used before for another batch, which is `existing`."""

    def __init__(self, message: str, existing: Batch) -> None:
        super().__init__(message)
        self.existing = existing


class NothingToRerun(StoreError):
    """No execution of the batch that has ended is one of those to repeat."""


class RetentionBusy(StoreError):
    """Another process deletes old executions; one does at a time."""


class InvalidCursor(StoreError):
    """A cursor that this database never gave out."""
