"""Gauges for metrics that only the database knows; one statement reads all and scans no large table."""

from __future__ import annotations

from dataclasses import field

from store import sql
from store.model import LIVE_STATUSES, ExecutionStatus
from store.postgres.database import Database
from store.records import record

SQL = sql.load("gauges")

TERMINAL_STATUSES = tuple(status for status in ExecutionStatus if status.is_terminal)


@record
class Gauges:
    """Counts over all servers and workers. Every status is there, if only with 0."""

    live: dict[ExecutionStatus, int] = field(default_factory=dict)
    ended: dict[ExecutionStatus, int] = field(default_factory=dict)
    """Since the beginning: retention does not reduce these."""
    oldest_queued_s: float = 0.0
    conflicts: int = 0
    bad_files: int = 0
    """Session files that cannot be used, of those recorded."""
    deliveries: int = 0
    """Of webhooks, not accepted yet."""
    disabled_webhooks: int = 0
    notification_queue: float = 0.0
    """How full PostgreSQL's queue of notifications is, from 0 to 1."""


async def read(db: Database) -> Gauges:
    """The gauges as they are now; raises DatabaseUnavailable or DatabaseBusy."""
    found = {(row["figure"], row["label"]): row["value"] for row in await db.fetch(SQL["figures"])}

    def of(figure: str, label: str = "") -> float:
        return float(found.get((figure, label), 0))

    return Gauges(
        live={status: int(of("live", status)) for status in sorted(LIVE_STATUSES)},
        ended={status: int(of("ended", status)) for status in TERMINAL_STATUSES},
        oldest_queued_s=max(0.0, of("oldest_queued_s")),
        conflicts=int(of("conflicts")),
        bad_files=int(of("bad_files")),
        deliveries=int(of("deliveries")),
        disabled_webhooks=int(of("disabled_webhooks")),
        notification_queue=of("notification_queue"),
    )
