"""The SQL expression that writes each column as JSON, equal to what Python would write.

Owns the expressions, as constants; store.json.rows puts them together. `{row}` is the row's name in a statement,
`{outer}` that of the row it belongs to. Equal means: the same value to a reader of JSON whose numbers have 64
bits; the digits of a large float inside a JSON value are written out. A number that GraphQL cannot hold makes
the statement fail, and the answer is then made the ordinary way, which says so field by field.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from store import model
from store.columns import Column, columns_of
from store.executions import retention
from store.executions.latest import select_latest, select_latest_of_agents
from store.records import record


@record
class JsonTable:
    """The expressions and relations of one kind of row, by the names of fields in store.model."""

    columns: Mapping[str, str]
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
    """As `datetime.isoformat` writes it: in UTC in any session time zone, six digits of a second or none."""
    text = f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    return f"replace({text}, '.000000', '')"


def _float(expression: str) -> str:
    """A whole number with `.0`, as Python writes it; NaN and infinity make the statement fail."""
    whole = f"{expression} = trunc({expression}) AND abs({expression}) < 1e15"
    return f"({expression}::text || CASE WHEN {whole} THEN '.0' ELSE '' END)::json"


def columns_as_json(row_class: type) -> dict[str, str]:
    """How each column of a row class is written, by the name of its field; those that have parts are relations."""
    columns = columns_of(row_class)
    return {each.field: _expression(each) for each in columns if not (each.is_part or each.has_parts)}


def _expression(column: Column) -> str:
    value = f"{{row}}.{column.name}"
    if column.type is dt.datetime:
        return _time(value)
    if column.type is float:
        return _float(value)
    # Some are wider than GraphQL's Int; for the others the cast is none.
    return f"{value}::integer" if column.type is int else value


_FAILURE = JsonTable(
    {
        **columns_as_json(model.Failure),
        "exit_code": "{row}.exit_code",
        "exit_signal": "{row}.exit_signal",
    }
)

_PROGRESS = JsonTable(
    {
        "steps_total": "{row}.steps_total",
        "steps_done": "{row}.steps_done",
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
        "source_path": "{row}_b.source_path",
        "created_at": _time("{row}_b.created_at"),
        "archived_at": _time("{row}_b.archived_at"),
        "archive_reason": "{row}_b.archive_reason",
    }
)

_USAGE = JsonTable(
    {
        column.name: _float(f"({{row}}.usage -> '{column.name}')::double precision")
        if column.type is float
        else f"{{row}}.usage -> '{column.name}'"
        for column in columns_of(model.ModelUsage)
    }
)

_PRUNED = JsonTable(columns_as_json(retention.Pruned))

_LEAKED_PROCESS = JsonTable(columns_as_json(model.LeakedProcess))

EXECUTION = JsonTable(
    {
        **columns_as_json(model.Execution),
        "session_id": "coalesce(nullif({row}.session_id, ''), {row}.id::text)",
        # Python rounds a float to even, and so does PostgreSQL with one.
        "queue_duration_ms": (
            "CASE WHEN {row}.origin = 'REQUESTED' THEN"
            " round(extract(epoch FROM {row}.started_at - {row}.queued_at)::double precision * 1000)::integer END"
        ),
        "prompt": (
            "coalesce((SELECT prompt FROM execution_results WHERE execution_id = {row}.id),"
            " (SELECT prompt FROM execution_tool_logs WHERE execution_id = {row}.id))"
        ),
    },
    {
        "failure": JsonRelation(_FAILURE, present="{row}.failure_kind IS NOT NULL"),
        "progress": JsonRelation(_PROGRESS),
        "usage": JsonRelation(_USAGE, present="{row}.usage IS NOT NULL"),
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
    {
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
    {
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
