"""The SQL expression that writes each column as JSON text, equal to what Python would write; null stays null.

Owns the expressions, as constants; store.json.rows puts them together. `{row}` is the row's name in a statement,
`{outer}` that of the row it belongs to. Equal means: the same value to a reader of JSON whose numbers have 64
bits; the digits of a large float inside a JSON value are written out. A number that GraphQL cannot hold makes
the statement fail, and the answer is then made the ordinary way, which says so field by field.

Text, because PostgreSQL's own functions for JSON look up the type of every value of every row again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from types import MappingProxyType
from typing import Any

from store import model
from store.columns import Column, columns_of
from store.executions import retention
from store.executions.latest import select_latest, select_latest_of_agents
from store.records import record


@record
class JsonTable:
    """The expressions and relations of one kind of row, by the names of fields in store.model."""

    columns: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """How columns are read as values, where Python's encoder writes these the same; a single row is read so."""
    relations: Mapping[str, JsonRelation] = field(default_factory=lambda: MappingProxyType({}))


@record
class JsonRelation:
    """Rows that belong to a row, or a part of the row itself where there is no `source`.

    A `source` may take the number `{first}` and the list of names `{agents}`. `joined` is put behind it where a
    column speaks of `{row}_b`. A part is null unless `present` holds.
    """

    table: JsonTable
    source: str = ""
    joined: str = ""
    condition: str = "true"
    order: str = ""
    many: bool = False
    present: str = ""


def _time(column: str) -> str:
    """As `datetime.isoformat` writes it: in UTC, which every session is in, six digits of a second or none.

    PostgreSQL leaves zeros at the end out. A moment that would lose some is written as the next one, whose last
    digit is 1, and gets its 0 back; `to_char` takes three times as long.
    """
    is_short = f"{column}::timestamptz(5) = {column} AND {column}::timestamptz(0) <> {column}"
    next_one = f"to_json({column} + interval '1 microsecond')::text"
    return f"CASE WHEN {is_short} THEN replace({next_one}, '1+', '0+') ELSE to_json({column})::text END"


def _float(value: str) -> str:
    """A whole number with `.0`, as Python writes it; NaN and infinity make the statement fail."""
    return (
        f"CASE WHEN {value} <> trunc({value}) THEN {value}::text"
        f" WHEN abs({value}) < 1e15 THEN {value}::text || '.0' ELSE {value}::text::json::text END"
    )


def _value(expression: str) -> str:
    """Whatever type it has."""
    return f"to_json({expression})::text"


def columns_as_json(row_class: type) -> dict[str, str]:
    """How each column of a row class is written, by the name of its field; those that have parts are relations."""
    columns = columns_of(row_class)
    return {each.field: _expression(each) for each in columns if not (each.is_part or each.has_parts)}


def columns_as_values(row_class: type) -> dict[str, str]:
    """How columns are read whose values Python writes as `columns_as_json` does, by the names of their fields."""
    return {
        each.field: f"{{row}}.{each.name}{_CASTS.get(_type_of(each), '')}"
        for each in columns_of(row_class)
        if isinstance(_type_of(each), type) and issubclass(_type_of(each), _VALUES)
    }


_VALUES = (dt.datetime, float, int, str, uuid.UUID)
_CASTS = {int: "::integer", uuid.UUID: "::text"}


def _type_of(column: Column) -> Any:
    """Of an identifier the type that it is written as."""
    return getattr(column.type, "__supertype__", column.type)


def _expression(column: Column) -> str:
    value = f"{{row}}.{column.name}"
    type_ = _type_of(column)
    if type_ is dt.datetime:
        return _time(value)
    if type_ is float:
        return _float(value)
    if type_ is int:
        # Some are wider than GraphQL's Int; for the others the cast is none.
        return f"{value}::integer::text"
    if type_ in (bool, Any):
        # A column of any value holds JSON.
        return f"{value}::text"
    if isinstance(type_, type) and issubclass(type_, (uuid.UUID, Enum)):
        return f"""'"' || {value} || '"'"""
    return _value(value)


_FAILURE = JsonTable(
    {
        **columns_as_json(model.Failure),
        "exit_code": "{row}.exit_code::text",
        "exit_signal": _value("{row}.exit_signal"),
    }
)

_PROGRESS = JsonTable(
    {
        "steps_total": "{row}.steps_total::text",
        "steps_done": "{row}.steps_done::text",
        "fraction": _float(
            "(CASE WHEN {row}.steps_done >= {row}.steps_total THEN 1::double precision"
            " ELSE {row}.steps_done::double precision / {row}.steps_total END)"
        ),
    }
)

TOOL_CALL = JsonTable(columns_as_json(model.ToolCall))

BENCHMARK = JsonTable(
    {
        **columns_as_json(model.Benchmark),
        "revised_at": _time("{row}.created_at"),
        "source_path": _value("{row}_b.source_path"),
        "created_at": _time("{row}_b.created_at"),
        "archived_at": _time("{row}_b.archived_at"),
        "archive_reason": _value("{row}_b.archive_reason"),
    }
)

_USAGE = JsonTable(
    {
        column.name: _float(f"({{row}}.usage -> '{column.name}')::double precision")
        if column.type is float
        else f"({{row}}.usage -> '{column.name}')::text"
        for column in columns_of(model.ModelUsage)
    }
)

_RUNNER_PLACE = JsonTable(
    {
        "launcher": _value("{row}.launcher"),
        "node": "({row}.handle -> 'host')::text",
        "actor": "({row}.handle -> 'actor')::text",
        "process_id": "({row}.handle -> 'pid')::text",
    }
)

_PRUNED = JsonTable(columns_as_json(retention.Pruned))

_LEAKED_PROCESS = JsonTable(columns_as_json(model.LeakedProcess))

_COMPUTED = {
    "session_id": _value("coalesce(nullif({row}.session_id, ''), {row}.id::text)"),
    # Python rounds a float to even, and so does PostgreSQL with one.
    "queue_duration_ms": (
        "CASE WHEN {row}.origin = 'REQUESTED' AND"
        f" {{row}}.started_at < {{row}}.queued_at + interval '{model.LONGEST_WAIT_H} hours' THEN"
        " round(extract(epoch FROM {row}.started_at - {row}.queued_at)::double precision * 1000)::integer::text"
        " END"
    ),
    "prompt": _value(
        "coalesce((SELECT prompt FROM execution_results WHERE execution_id = {row}.id),"
        " (SELECT prompt FROM execution_tool_logs WHERE execution_id = {row}.id))"
    ),
}

EXECUTION = JsonTable(
    {**columns_as_json(model.Execution), **_COMPUTED},
    {name: how for name, how in columns_as_values(model.Execution).items() if name not in _COMPUTED},
    {
        "failure": JsonRelation(_FAILURE, present="{row}.failure_kind IS NOT NULL"),
        "progress": JsonRelation(_PROGRESS),
        "usage": JsonRelation(_USAGE, present="{row}.usage IS NOT NULL"),
        "runner_place": JsonRelation(_RUNNER_PLACE, present="{row}.launcher IS NOT NULL"),
        "leaked_processes": JsonRelation(
            _LEAKED_PROCESS,
            "ROWS FROM (jsonb_to_recordset({outer}.leaked_processes) AS (pid integer, name text))"
            " WITH ORDINALITY AS {row} (pid, name, place)",
            condition="{outer}.leaked_processes IS NOT NULL",
            order="{row}.place",
            many=True,
        ),
        "benchmark": JsonRelation(
            BENCHMARK,
            "benchmark_revisions AS {row}",
            joined=" JOIN benchmarks AS {row}_b ON {row}_b.id = {row}.benchmark_id",
            condition="{row}.benchmark_id = {outer}.benchmark_id AND {row}.revision = {outer}.benchmark_revision",
        ),
        "tool_calls": JsonRelation(
            TOOL_CALL,
            "execution_tool_calls AS {row}",
            condition="{row}.execution_id = {outer}.id",
            order="{row}.ordinal",
            many=True,
        ),
        "pruned": JsonRelation(_PRUNED, "pruned AS {row}", condition="{row}.execution_id = {outer}.id"),
    },
)


_NODES = JsonTable(
    {},
    relations={
        "nodes": JsonRelation(
            EXECUTION,
            "(SELECT * FROM executions WHERE benchmark_id = {outer}.benchmark_id"
            " ORDER BY queued_at DESC, id DESC LIMIT {first}) AS {row}",
            many=True,
        )
    },
)

BENCHMARK_OF_LIST = JsonTable(
    columns_as_json(model.Benchmark),
    relations={
        "latest_execution": JsonRelation(
            EXECUTION,
            f"({select_latest('benchmark_id = {outer}.benchmark_id')}) AS {{row}}",
        ),
        "latest_executions": JsonRelation(
            EXECUTION,
            f"({select_latest_of_agents('{outer}.benchmark_id', '{agents}')}) AS {{row}}",
            many=True,
        ),
        "executions": JsonRelation(_NODES),
    },
)
"""For the rows of store.benchmarks.listing: a benchmark with its current revision."""
