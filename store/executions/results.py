"""Reads steps, tool calls, prompts and addresses of results, each for many executions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from store import sql
from store.executions import rows
from store.model import ExecutionId, JsonValue, Step, ToolCall
from store.postgres.database import Database, Row
from store.records import record

SQL = sql.load("results")


async def steps_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, tuple[Step, ...]]:
    """The steps of each execution's result, in order."""
    return _grouped(await db.fetch(SQL["steps"], ids), rows.step)


async def key_maps_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, dict[str, str]]:
    """The addresses by placeholder, from the last observation of each execution that has them."""
    return {
        ExecutionId(row["execution_id"]): {
            key: value for key, value in row["key_map"].items() if isinstance(value, str)
        }
        for row in await db.fetch(SQL["key_maps"], ids)
    }


@record
class RoundedScore:
    """A score of 0 or 1 that the session file of session `session_id` gives as `raw`."""

    session_id: str
    raw: float
    score: float


async def rounded_scores_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, RoundedScore]:
    """The scores that were rounded; executions whose score is stored as it was read are absent."""
    return {
        ExecutionId(row["execution_id"]): RoundedScore(row["session_id"], row["raw"], row["score"])
        for row in await db.fetch(SQL["rounded_scores"], ids)
    }


async def tool_calls_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, tuple[ToolCall, ...]]:
    """The tool calls of each execution, in order."""
    return _grouped(await db.fetch(SQL["tool_calls"], ids), rows.tool_call)


class PromptSource(StrEnum):
    """Where a prompt was read."""

    SESSION_FILE = "SESSION_FILE"
    TOOL_LOG = "TOOL_LOG"
    IMPORT_RECORD = "IMPORT_RECORD"


@record
class Prompt:
    """What the agent was asked. `is_truncated` when only a cut text is known."""

    text: str
    source: PromptSource
    is_truncated: bool


async def prompts_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, Prompt]:
    """The prompt of each execution, from its result, else from its tool log."""
    found: dict[ExecutionId, Prompt] = {}
    for row in await db.fetch(SQL["prompts"], ids):
        if row["of_result"] is not None:
            source = PromptSource.IMPORT_RECORD if row["is_imported"] else PromptSource.SESSION_FILE
            prompt = Prompt(row["of_result"], source, False)
        else:
            prompt = Prompt(row["of_log"], PromptSource.TOOL_LOG, row["prompt_is_truncated"])
        found[ExecutionId(row["execution_id"])] = prompt
    return found


@record
class ImportRecord:
    """The rows of another program's database that an execution was made of, by table, and their numbers there.

    `sha256` is of the copy that was read. `remarks` say what was not taken as it stands.
    """

    database: str
    sha256: str
    rows: JsonValue
    row_ids: JsonValue
    remarks: tuple[str, ...]


async def import_records_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, ImportRecord]:
    """Where executions were imported from; the others are absent."""
    return {
        ExecutionId(row["execution_id"]): ImportRecord(
            row["about"]["database"],
            row["about"]["sha256"],
            row["rows"],
            row["about"]["rowids"],
            tuple(row["about"]["remarks"]),
        )
        for row in await db.fetch(SQL["imported"], ids)
    }


T = TypeVar("T")


def _grouped(found: Sequence[Row], read: Callable[[Row], T]) -> dict[ExecutionId, tuple[T, ...]]:
    grouped: dict[ExecutionId, list[T]] = {}
    for row in found:
        grouped.setdefault(ExecutionId(row["execution_id"]), []).append(read(row))
    return {execution_id: tuple(items) for execution_id, items in grouped.items()}
