"""Load functions of figures of attempts: one statement for all groups that are counted alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from store.agents.performance import Bucket
from store.figures import over_time, reading
from store.figures.over_time import Line, Periods
from store.figures.reading import AttemptFilter, By, Counted, Counts, Group
from store.postgres.database import Database

CountsKey = tuple[AttemptFilter, By, Counted]
PeriodsKey = tuple[AttemptFilter, Bucket, int]


async def counts(db: Database, keys: Sequence[CountsKey]) -> Mapping[CountsKey, Mapping[Group, Counts]]:
    """Per key the counts of each group."""
    return {key: await reading.counts(db, *key) for key in keys}


async def sums(
    db: Database, keys: Sequence[AttemptFilter]
) -> Mapping[AttemptFilter, Sequence[reading.AgentSums]]:
    """Per filter the sums of each agent, settings hash and benchmark revision."""
    return {key: await reading.sums(db, key) for key in keys}


async def periods(db: Database, keys: Sequence[PeriodsKey]) -> Mapping[PeriodsKey, Mapping[Line, Periods]]:
    """Per filter, length of a period and number of them: the periods of each agent and settings."""
    return {key: await over_time.sums_over_time(db, *key) for key in keys}
