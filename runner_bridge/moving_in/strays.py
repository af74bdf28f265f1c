"""Rows of reev's first versions, which have no session id: which of them tell of the same execution.

A row of agent_performance names a row of flow_logs. The others are matched by benchmark, agent, score and time:
the writers of one execution were a few seconds apart. Each match is said in a remark of the execution.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from runner_bridge.formats.ids import normalise_benchmark_id
from runner_bridge.moving_in.families import Family
from runner_bridge.moving_in.values import number_of, text_of, time_of
from runner_bridge.reev_database.rows import Row

WITHIN_S = 5.0

MAX_ROWS = 50_000
MAX_CHARACTERS = 64 * 1024 * 1024
"""What is held in memory. Rows beyond make executions of their own."""

TABLES = ("agent_performance", "results", "yml_testresults")
"""The tables that had rows without a session id."""

MATCHED = "no id connects it with the other rows: its benchmark and its time do"

_TIMES = ("timestamp", "created_at", "end_time")

_Place = tuple[str, int]
"""A benchmark, and a span of WITHIN_S seconds."""


class Strays:
    """Rows without a session id that wait for others of their execution."""

    def __init__(self) -> None:
        self._by_flow: dict[str, list[Row]] = defaultdict(list)
        self._waiting: dict[int, Row] = {}
        self._places: dict[_Place, list[int]] = defaultdict(list)
        self._number = self._rows = self._characters = 0

    def add(self, row: Row) -> bool:
        """Takes a row; False when there is no more space."""
        self._rows += 1
        self._characters += sum(len(value) for value in row.values.values() if isinstance(value, str))
        if self._rows > MAX_ROWS or self._characters > MAX_CHARACTERS:
            return False
        flow = text_of(row.values.get("flow_log_id"))
        if flow is not None:
            self._by_flow[flow].append(row)
        else:
            self._wait(row)
        return True

    def join(self, family: Family) -> None:
        """Adds the rows that tell of the same execution as the rows of `family`."""
        flows = [row for row in family.rows if row.table == "flow_logs"]
        for flow in flows:
            if (key := text_of(flow.values.get("id"))) is not None:
                family.rows += self._by_flow.pop(key, [])
        if flows:
            self._match(family)

    def rest(self) -> Iterator[Family]:
        """Families of the rows that no other was joined with."""
        for rows in self._by_flow.values():
            # The log that they name is gone.
            for row in rows:
                self._wait(row)
        self._by_flow.clear()
        for number in list(self._waiting):
            if number in self._waiting:
                family = Family("", [self._waiting.pop(number)])
                self._match(family)
                yield family

    def _wait(self, row: Row) -> None:
        self._number += 1
        number = self._number
        self._waiting[number] = row
        for at in _times(row):
            self._places[_benchmark(row), int(at // WITHIN_S)].append(number)

    def _match(self, family: Family) -> None:
        for table in TABLES:
            if self._waiting and all(row.table != table for row in family.rows):
                found = [
                    (apart, number)
                    for number in self._near(family)
                    if (row := self._waiting[number]).table == table
                    and (apart := _apart(family, row)) <= WITHIN_S
                    and _is_same(family, row)
                ]
                if found:
                    nearest = self._waiting.pop(min(found)[1])
                    family.rows.append(nearest._replace(remarks=(*nearest.remarks, MATCHED)))

    def _near(self, family: Family) -> set[int]:
        """The rows that wait, of the same benchmark and about the same time."""
        name = _benchmark(family.rows[0])
        spans = {int(at // WITHIN_S) for row in family.rows for at in _times(row)}
        return {
            number
            for span in spans
            for near in (span - 1, span, span + 1)
            for number in self._places.get((name, near), ())
            if number in self._waiting
        }


def _benchmark(row: Row) -> str:
    return normalise_benchmark_id(text_of(row.values.get("benchmark_id")) or "")[0]


def _times(row: Row) -> list[float]:
    times = (time_of(row.values.get(name)) for name in _TIMES)
    return [time.timestamp() for time in times if time is not None]


def _apart(family: Family, row: Row) -> float:
    """Seconds between the row and the nearest of the family."""
    here = _times(row)
    return min((abs(one - at) for other in family.rows for one in _times(other) for at in here), default=1e9)


def _is_same(family: Family, row: Row) -> bool:
    return all(
        _agree(text_of(one.values.get("agent_type")), text_of(row.values.get("agent_type")))
        and _agree(number_of(one.values.get("score")), number_of(row.values.get("score")))
        for one in family.rows
    )


def _agree(one: object, other: object) -> bool:
    return one is None or other is None or one == other
