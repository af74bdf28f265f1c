"""What is exported is what is stored, in every layout, and hard values survive."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from store.executions import rows
from store.executions.filters import ExecutionFilter
from store.export.columns import COLUMNS, Kind, What
from store.export.copying import Layout, copy_rows
from store.model import ExecutionStatus
from store.postgres.database import Database
from tests.helpers import hard_rows

ANY = ExecutionFilter()
WAYS: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: {"true": True, "false": False}.__getitem__,
    Kind.JSON: json.loads,
}
"""How each kind is read from a field of CSV."""


async def copied(db: Database, what: What, layout: Layout, filter: ExecutionFilter) -> str:
    found: list[bytes] = []

    async def take(piece: bytes) -> None:
        found.append(piece)

    await copy_rows(db, what, layout, filter, take, timeout_s=30)
    return b"".join(found).decode()


async def json_lines(db: Database, what: What, filter: ExecutionFilter = ANY) -> list[dict[str, Any]]:
    text = await copied(db, what, Layout.JSON_LINES, filter)
    return [json.loads(line) for line in text.split("\n")[:-1]]


async def csv_rows(db: Database, what: What) -> list[list[str]]:
    text = await copied(db, what, Layout.CSV_WITH_HEADER, ANY)
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


async def fill(db: Database) -> None:
    await hard_rows.fill(db)
    await db.execute(
        "INSERT INTO execution_messages (execution_id, ordinal, kind, data, end_offset) "
        "SELECT id, o, 'OTHER', to_jsonb(agent), o FROM executions, generate_series(1, 2) AS o"
    )
    await db.execute(
        "INSERT INTO execution_events (execution_id, seq, kind, status, data) "
        """SELECT id, 1, 'STATUS_CHANGED'::event_kind, 'QUEUED'::execution_status, '{"hidden": 1}'::jsonb
        FROM executions UNION ALL SELECT id, 2, 'PROGRESS', NULL, '{"steps_done": 1}' FROM executions"""
    )


async def test_csv_and_json_lines_have_the_same_values(db: Database) -> None:
    await fill(db)
    for what, columns in COLUMNS.items():
        lines = await json_lines(db, what)
        header, *records = await csv_rows(db, what)
        assert header == [column.name for column in columns]
        assert len(records) == len(lines) >= hard_rows.COUNT, what
        for line, record in zip(lines, records, strict=True):
            assert list(line) == header
            for column, field in zip(columns, record, strict=True):
                value = line[column.name]
                if field == "":
                    # CSV's own reader does not tell null from an empty text.
                    assert value in (None, ""), column
                else:
                    assert WAYS.get(column.kind, str)(field) == value, column


async def test_an_export_has_what_the_database_has(db: Database) -> None:
    await fill(db)
    stored = {str(row["id"]): rows.execution(row) for row in await db.fetch("SELECT * FROM executions")}
    lines = await json_lines(db, What.EXECUTIONS)
    places = [(line["queued_at"], line["id"]) for line in lines]
    assert places == sorted(places), "oldest first"
    for line in lines:
        execution = stored.pop(line["id"])
        assert dt.datetime.fromisoformat(line["queued_at"]) == execution.queued_at
        assert line["queued_at"].endswith("Z")
        assert line["agent"] == execution.agent
        assert (line["reported_score"], line["computed_score"]) == (execution.score, execution.computed_score)
        assert (line["is_attempt"], line["solved"]) == (execution.is_attempt, execution.solved)
        months = execution.queue_duration_ms is None and line["queue_duration_ms"] == 720 * 3_600_000
        assert months or line["queue_duration_ms"] == execution.queue_duration_ms
        assert line["cost_usd"] == (execution.usage or {}).get("cost")
        assert line["benchmark_description"] == (
            hard_rows.AGENTS[1]
            if execution.benchmark_revision == 2
            else None
            if execution.benchmark_revision is None
            else f"about {execution.benchmark_id}"
        )
    assert not stored
    params = json.loads(await db.fetchval("SELECT $1::jsonb::text", hard_rows.AMOUNTS))
    called = [line["params"] for line in await json_lines(db, What.TOOL_CALLS) if line["ordinal"] == 1]
    assert called
    assert all(one == params for one in called)
    for event in await json_lines(db, What.EVENTS):
        assert event["data"] == (None if event["kind"] == "STATUS_CHANGED" else {"steps_done": 1})


async def test_null_and_an_empty_text_differ_in_csv(db: Database) -> None:
    await fill(db)
    await db.execute("UPDATE execution_tool_calls SET name = '', error_message = NULL")
    text = await copied(db, What.TOOL_CALLS, Layout.CSV, ExecutionFilter(agents=("plain",)))
    record = text.split("\n")[0]
    assert ',1,"",' in record
    assert record.endswith(",")


@pytest.mark.parametrize("what", What)
async def test_a_filter_holds_for_all_that_belongs_to_an_execution(db: Database, what: What) -> None:
    await fill(db)
    filter = ExecutionFilter(
        statuses=(ExecutionStatus.FAILED, ExecutionStatus.LOST), agents=hard_rows.AGENTS, text="b1"
    )
    key = "id" if what is What.EXECUTIONS else "execution_id"
    found = {line[key] for line in await json_lines(db, what, filter)}
    expected = await db.fetch(
        "SELECT id FROM executions WHERE status IN ('FAILED', 'LOST') AND benchmark_id = 'b1' "
        "AND (event_seq % 3 > 0 OR $1)",
        what is not What.TOOL_CALLS,
    )
    assert found == {str(row["id"]) for row in expected} != set()


async def test_an_export_has_one_snapshot_and_leaves_nothing_when_it_is_ended(db: Database) -> None:
    await fill(db)
    seen = 0

    async def take(piece: bytes) -> None:
        nonlocal seen
        if not seen:
            # The first rows have left PostgreSQL; what changes now is not in the others.
            await db.execute(
                "INSERT INTO executions (benchmark_id, agent, timeout_ms, queue_number) "
                "SELECT 'b1', 'late', 1, 1"
            )
        seen += piece.count(b"\n")
        assert b"late" not in piece

    await copy_rows(db, What.EXECUTIONS, Layout.CSV, ANY, take, timeout_s=30)
    assert seen >= hard_rows.COUNT

    async def refuse(_: bytes) -> None:
        raise LookupError("the reader has left")

    with pytest.raises(LookupError):
        await copy_rows(db, What.EXECUTIONS, Layout.CSV, ANY, refuse, timeout_s=30)
    assert await db.fetchval("SELECT count(*) FROM executions") == hard_rows.COUNT + 1
