"""Lists of benchmarks as JSON: PostgreSQL writes the columns, Python adds the members that only it can compute.

Python tells whether a definition can be executed here, from its memory of definitions; one that it has not read
yet is read the ordinary way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import orjson

from runner_bridge.benchmarks.definitions import Definitions
from schema.contract.context import Info
from schema.contract.json_selection import ON_CONNECTION, members_of
from schema.contract.pagination import DEFAULT_PAGE, LARGEST_PAGE
from schema.contract.selection import SelectedField, derived
from store.json.columns import BENCHMARK_OF_LIST
from store.json.lists import JsonBenchmark
from store.json.rows import EVERY, JsonMember, JsonRow, NeedsRows
from store.records import record

IN_PYTHON = frozenset({"runnableLocally", "whyNotRunnableLocally"})

_NEED_IDS = frozenset({"offset", "figures"})
"""Fields of a connection that need no more of its rows than their ids."""


@record
class JsonNodes:
    """The nodes of a list, in parts: members that PostgreSQL writes or, by key and name, those from Python."""

    parts: tuple[JsonRow | tuple[tuple[str, str], ...], ...]

    @property
    def rows(self) -> list[JsonRow]:
        return [part for part in self.parts if isinstance(part, JsonRow)]

    def text(self, benchmark: JsonBenchmark, definitions: Definitions) -> str:
        """One node. Raises NeedsRows when its definition is not in memory."""
        texts = iter(benchmark.parts)
        members = []
        for part in self.parts:
            if isinstance(part, JsonRow):
                members.append(next(texts)[1:-1])
            else:
                members.append(_in_python(part, benchmark.content_hash, definitions))
        return f"{{{','.join(members)}}}"


def benchmark_nodes(info: Info) -> JsonNodes | None:
    """For a field whose type is BenchmarkConnection; None where ordinary objects are needed."""
    return derived(info, "nodes", _nodes)


def _nodes(fields: Sequence[SelectedField]) -> JsonNodes | None:
    nodes = [field for field in fields if field.name == "nodes"]
    if len(nodes) != 1 or not {field.name for field in fields} <= {
        "nodes",
        "pageInfo",
        *_NEED_IDS,
        *ON_CONNECTION,
    }:
        return None
    parts: list[JsonRow | tuple[tuple[str, str], ...]] = []
    for in_python, group in groupby(nodes[0].fields, lambda field: field.name in IN_PYTHON):
        if in_python:
            parts.append(tuple((field.response_key, field.name) for field in group))
            continue
        members = [_member(field) for field in group]
        written = [member for member in members if member is not None]
        row = JsonRow.of(written, BENCHMARK_OF_LIST) if len(written) == len(members) else None
        if row is None:
            return None
        parts.append(row)
    return JsonNodes(tuple(parts))


def _member(field: SelectedField) -> JsonMember | None:
    """Two fields of a benchmark have an argument that PostgreSQL can evaluate."""
    members = members_of([replace(field, arguments={})])
    if members is None or len(field.arguments) > 1:
        return None
    [member] = members
    match field.name, dict(field.arguments):
        case "latestExecutions", {"agents": [*agents]}:
            named = tuple(agent for agent in agents if isinstance(agent, str))
            return replace(member, agents=named) if len(named) == len(agents) else None
        case "latestExecutions", {"agents": None} | {"everyAgent": False}:
            return member
        case "latestExecutions", {"everyAgent": True}:
            return replace(member, agents=EVERY)
        case "executions", {"first": int(first)}:
            return _first(member, first) if 1 <= first <= LARGEST_PAGE else None
        case "executions", arguments if not arguments:
            return _first(member, DEFAULT_PAGE)
    return None if field.arguments else member


def _first(connection: JsonMember, first: int) -> JsonMember:
    return replace(connection, below=tuple(replace(member, first=first) for member in connection.below))


def _in_python(members: Sequence[tuple[str, str]], content_hash: str, definitions: Definitions) -> str:
    try:
        why_not = definitions.why_not_runnable(content_hash)
    except KeyError:
        raise NeedsRows("The definition has not been read yet") from None
    values = {key: why_not is None if name == "runnableLocally" else why_not for key, name in members}
    return orjson.dumps(values).decode()[1:-1]
