"""When an execution of reev was requested, began and ended, and how long it took, by all of its rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from runner_bridge.formats.times import MAX_MILLISECONDS
from runner_bridge.moving_in.contents import ContentKind
from runner_bridge.moving_in.evidence import Evidence
from runner_bridge.moving_in.values import Value, Verdict, time_of, verdict_of, whole_of
from store.executions.imported import Times

_AHEAD = dt.timedelta(days=1)
"""How far clocks may differ; a later time is not believed."""


class _Clock:
    """Takes times that can be true at `now`; says which cannot."""

    def __init__(self, now: dt.datetime, remarks: list[str]) -> None:
        self._latest = now + _AHEAD
        self._remarks = remarks

    def first(self, what: str, candidates: Iterable[dt.datetime | None]) -> dt.datetime | None:
        """The first that is known and can be true; the others are not looked at."""
        for time in candidates:
            if time is None:
                continue
            if time <= self._latest:
                return time
            self._remarks.append(f"{what} lies in the future: left out")
        return None


def times_of(evidence: Evidence, execution_time_ms: int | None, now: dt.datetime) -> Times:
    """The times, in their order: one that contradicts the others is left out, with a remark."""
    clock = _Clock(now, evidence.remarks)

    queued = clock.first("the time of its request", [_time(evidence, "execution_states", "created_at")])
    started = clock.first("its start", _starts(evidence))
    ended = clock.first("its end", _ends(evidence))
    last_seen = _time(evidence, "execution_states", "updated_at")
    return _in_order(evidence, queued, started, ended, execution_time_ms, last_seen)


def _time(evidence: Evidence, table: str, *columns: str) -> dt.datetime | None:
    return time_of(evidence.value(table, *columns))


def _starts(evidence: Evidence) -> Iterator[dt.datetime | None]:
    """The times at which it may have begun, the most reliable first."""
    for content in evidence.of_kind(ContentKind.SESSION_FILE):
        yield content.started_at
    yield _time(evidence, "execution_sessions", "start_time")
    yield _time(evidence, "flow_logs", "start_time")
    for content in evidence.contents:
        yield content.started_at


def _ends(evidence: Evidence) -> Iterator[dt.datetime | None]:
    """The times at which it may have ended, the most reliable first."""
    for content in evidence.of_kind(ContentKind.SESSION_FILE):
        yield content.ended_at
    yield _time(evidence, "execution_sessions", "end_time")
    yield _time(evidence, "flow_logs", "end_time")
    if _has_ended(evidence):
        yield _time(evidence, "execution_states", "updated_at")
    yield _time(evidence, "agent_performance", "created_at", "timestamp")
    yield _time(evidence, "results", "timestamp")
    for content in evidence.contents:
        yield content.ended_at
    for table in ("yml_testresults", "session_logs", "consolidated_sessions"):
        yield _time(evidence, table, "created_at")


def _has_ended(evidence: Evidence) -> bool:
    return verdict_of(evidence.value("execution_states", "status")) is not Verdict.LIVE


def _in_order(
    evidence: Evidence,
    queued: dt.datetime | None,
    started: dt.datetime | None,
    ended: dt.datetime | None,
    execution_time_ms: int | None,
    last_seen: dt.datetime | None,
) -> Times:
    if queued is not None and started is not None and queued > started:
        if queued - started >= dt.timedelta(seconds=1):
            evidence.remarks.append("it was requested after its start: that time is left out")
        queued = None
    begun = started or queued
    if ended is not None and begun is not None and ended < begun:
        evidence.remarks.append("its end was before its start: that time is left out")
        ended = None
    if ended is None and started is not None and execution_time_ms is not None:
        ended = started + dt.timedelta(milliseconds=execution_time_ms)
    if ended is None:
        ended = max((time for time in (last_seen, started, queued) if time is not None), default=None)
        if ended is not None:
            evidence.remarks.append("when it ended is not told: the last time that is, is taken")
    return Times(queued or started, started, ended)


def execution_time_of(evidence: Evidence) -> int | None:
    """Milliseconds; some versions of reev stored seconds in that column."""
    told: tuple[Value, ...] = (
        *(content.execution_time_ms for content in evidence.of_kind(ContentKind.SESSION_FILE)),
        _by_performance(evidence),
        *(content.execution_time_ms for content in evidence.contents),
        whole_of(evidence.value("consolidated_sessions", "execution_duration_ms")),
    )
    found = next((whole for whole in map(whole_of, told) if whole is not None), None)
    if found is not None and found > MAX_MILLISECONDS:
        evidence.remarks.append(f"an execution time of {found} ms is not believed")
        return None
    return found


def _by_performance(evidence: Evidence) -> int | None:
    value = whole_of(evidence.value("agent_performance", "execution_time_ms"))
    if not value:
        return value
    span = _span_s(evidence)
    if span is not None and span >= 1 and abs(value - span) <= 1:
        evidence.remarks.append(f"execution_time_ms {value} is in seconds: taken as {value * 1000} ms")
        return value * 1000
    return value


def _span_s(evidence: Evidence) -> float | None:
    """Seconds between start and end."""
    for table in ("execution_sessions", "flow_logs"):
        start, end = (time_of(evidence.value(table, column)) for column in ("start_time", "end_time"))
        if start is not None and end is not None and end >= start:
            return (end - start).total_seconds()
    return None
