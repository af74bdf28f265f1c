"""What is asked of every server: a document for those that know GraphQL, an address for those written by hand.

The answers hold the same data; `reading` checks that before it measures anything.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

CURSORS = ("cursor", "updatesCursor")
"""Fields that say where a stream stands; each server says so in its own way."""

ROW = "id benchmarkId agent status score executionTimeMs queuedAt startedAt endedAt"

LIST = f"query List($first: Int!) {{ executions(first: $first) {{ nodes {{ {ROW} }} }} }}"
GRID = Path(__file__).with_name("grid.graphql").read_text(encoding="utf-8")
"""A grid of all benchmarks with all figures in one answer: what the servers by hand answer too."""

BY_ID = f"query ById($id: ID!) {{ execution(id: $id) {{ {ROW} }} }}"
NESTED = """
query Nested($first: Int!) {
  executions(first: $first) {
    nodes {
      id agent status score queuedAt
      benchmark { id description }
      toolCalls { ordinal name durationMs }
    }
  }
}
"""


@dataclass(frozen=True)
class Workload:
    """`variables` take turns, each with the address that asks for the same."""

    key: str
    title: str
    document: str
    variables: Sequence[dict[str, object]]
    addresses: Sequence[str]

    def requests(self, port: int, *, by_hand: bool) -> list[str]:
        """Whole HTTP requests, ready to be sent."""
        host = f"Host: 127.0.0.1:{port}\r\n"
        if by_hand:
            return [f"GET {address} HTTP/1.1\r\n{host}\r\n" for address in self.addresses]
        return [_post(self.document, variables, host) for variables in self.variables]


def _post(document: str, variables: dict[str, object], host: str) -> str:
    body = json.dumps({"query": document, "variables": variables})
    return (
        f"POST /graphql HTTP/1.1\r\n{host}Content-Type: application/json\r\nAccept: application/json\r\n"
        f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
    )


def workloads(ids: Sequence[str]) -> dict[str, Workload]:
    """All of them, by key; `ids` are executions to be asked for one by one."""
    every = [
        _list("list50", "list of 50 executions, 9 fields", LIST, 50, "/executions"),
        _list("list500", "list of 500 executions, 9 fields", LIST, 500, "/executions"),
        _list("nested200", "list of 200 with benchmark and tool calls", NESTED, 200, "/nested"),
        Workload(
            "by_id",
            "one execution by id",
            BY_ID,
            [{"id": execution_id} for execution_id in ids],
            [f"/executions/{execution_id}" for execution_id in ids],
        ),
        Workload("grid", "dashboard grid, 20 × 4", GRID, [{}], ["/grid"]),
    ]
    return {workload.key: workload for workload in every}


def _list(key: str, title: str, document: str, first: int, path: str) -> Workload:
    return Workload(key, title, document, [{"first": first}], [f"{path}?first={first}"])


def comparable(value: Any, *, milliseconds: bool = False) -> Any:
    """Data without what may differ: how times are spelled (`.5` is `.500000`), and where streams stand."""
    match value:
        case dict():
            return {
                name: None if name in CURSORS else comparable(inner, milliseconds=milliseconds)
                for name, inner in value.items()
            }
        case list():
            return [comparable(inner, milliseconds=milliseconds) for inner in value]
        case str() if TIME.match(value):
            moment = dt.datetime.fromisoformat(value)
            return moment.replace(microsecond=moment.microsecond // 1000 * 1000) if milliseconds else moment
        case _:
            return value
