"""Reads what a flow diagram is drawn from, by session id: from the database, else from the session file.

A file is read only for an id that the database does not have. Nothing is stored.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from runner_bridge.formats.file_names import session_file_name
from runner_bridge.formats.files import read_regular_file
from runner_bridge.formats.paths import Directory
from runner_bridge.formats.session_file import SessionFile, parse_session_file
from runner_bridge.formats_to_rows import tool_call
from runner_bridge.sessions.named_session import execution_of
from runner_bridge.sessions.reading import MAX_SESSION_BYTES
from runner_bridge.tool_logs.content import clean_calls
from runner_bridge.tool_logs.log_file import find_tool_log
from store.benchmarks import benchmarks
from store.executions import results, retention, state_machine
from store.model import Execution, ToolCall
from store.postgres.database import Database
from store.records import record


class FlowSource(StrEnum):
    """Where a flow was read from."""

    DATABASE = "DATABASE"
    SESSION_FILE = "SESSION_FILE"


@record
class FlowMaterial:
    """Everything a flow shows. `execution` is None for a session that is not in the database."""

    source: FlowSource
    session_id: str
    benchmark_id: str
    agent: str | None
    prompt: str | None
    execution_time_ms: int | None
    key_map: Mapping[str, str]
    tool_calls: tuple[ToolCall, ...]
    execution: Execution | None
    pruned_at: dt.datetime | None = None
    """When retention deleted the tool calls; None while they are kept. Set by `load` only."""


async def load(db: Database, sessions_dir: Path, session_id: str) -> FlowMaterial | None:
    """The material for `session_id`, which is a checked id; None when neither database nor file has it.

    Raises FormatError when the file is damaged.
    """
    execution = await state_machine.get(db, execution_of(session_id)[0])
    if execution is not None:
        material = await of_execution(db, execution)
        pruned = (await retention.pruned_of(db, [execution.id])).get(execution.id)
        return material if pruned is None else replace(material, pruned_at=pruned.pruned_at)
    return await asyncio.to_thread(_from_files, sessions_dir, session_id)


async def of_execution(db: Database, execution: Execution) -> FlowMaterial:
    """The material of a stored execution; while it runs, the prompt is its benchmark's."""
    ids = [execution.id]
    told = (await results.prompts_of(db, ids)).get(execution.id)
    prompt = None if told is None else told.text
    if prompt is None and execution.benchmark_revision is not None:
        benchmark = await benchmarks.get(db, execution.benchmark_id, execution.benchmark_revision)
        prompt = None if benchmark is None else benchmark.prompt
    key_map = (await results.key_maps_of(db, ids)).get(execution.id, {})
    tool_calls = (await results.tool_calls_of(db, ids)).get(execution.id, ())
    return material_of(execution, prompt, key_map, tool_calls)


def material_of(
    execution: Execution,
    prompt: str | None,
    key_map: Mapping[str, str],
    tool_calls: tuple[ToolCall, ...],
) -> FlowMaterial:
    """The same from what was read already."""
    return FlowMaterial(
        source=FlowSource.DATABASE,
        session_id=execution.session_id or str(execution.id),
        benchmark_id=execution.benchmark_id,
        agent=execution.agent,
        prompt=prompt,
        execution_time_ms=execution.execution_time_ms,
        key_map=key_map,
        tool_calls=tool_calls,
        execution=execution,
    )


def _from_files(sessions_dir: Path, session_id: str) -> FlowMaterial | None:
    name = session_file_name(session_id)
    try:
        data = read_regular_file(sessions_dir, name, MAX_SESSION_BYTES)
    except FileNotFoundError:
        return None
    session = parse_session_file(data, name)
    result = session.final_result
    steps = result.steps if result is not None else ()
    return FlowMaterial(
        source=FlowSource.SESSION_FILE,
        session_id=session.session_id,
        benchmark_id=session.benchmark_id,
        agent=session.agent_type,
        prompt=None if result is None else result.prompt,
        execution_time_ms=None if result is None else result.execution_time_ms,
        key_map=dict(steps[-1].observation.key_map) if steps else {},
        tool_calls=_calls_of(sessions_dir, session),
        execution=None,
    )


def _calls_of(sessions_dir: Path, session: SessionFile) -> tuple[ToolCall, ...]:
    log = find_tool_log(Directory(sessions_dir), session.session_id, adopts=True)
    if log is not None and log.reader.calls:
        return clean_calls(log, {})
    tools = session.final_result.tools if session.final_result is not None else ()
    return tuple(tool_call(call) for call in tools)
