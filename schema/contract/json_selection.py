"""Turns the selection of a field into the JSON that PostgreSQL writes; once per place in a document.

None wherever something selected is not a plain column or a known relation: the resolver then returns ordinary
objects, which always give the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from schema.contract.context import Info
from schema.contract.selection import ReadyJson, SelectedField, derived, is_alone
from schema.loading.json_loads import Id, Question
from schema.loading.loader import SharedLoader
from store.json.columns import EXECUTION, TOOL_CALL, JsonTable
from store.json.rows import JsonMember, JsonRow

_CAPITAL = re.compile("[A-Z]")

ON_CONNECTION = frozenset({"totalCount", "updatesCursor", "__typename"})
"""Fields of a connection that need no rows."""


@dataclass(frozen=True, slots=True, eq=False)
class JsonConnection:
    """How a connection is written: each node, and each edge around it as (key, name) pairs if there are edges."""

    node: JsonRow
    edge: tuple[tuple[str, str], ...]
    by_place: bool
    """Whether a cursor or pageInfo is selected, which need each item's position."""


def ready(text: str) -> Any:
    """`text` as the value of a field, whatever the field's type."""
    return ReadyJson(text.encode())


async def loaded(info: Info, question: Question, row: JsonRow, about: Id) -> Any:
    """The answer as the value of a field, None when there is none. Raises NeedsRows."""
    if is_alone(info):
        text = await _shared(info, question, row).load(about)
    else:
        text = await info.context.loaders.as_json.load((question, row, about))
    return None if text is None else ready(text)


def _shared(info: Info, question: Question, row: JsonRow) -> SharedLoader[Id, str | None]:
    """Of all requests with this document, which differ in the id only: there is one question at a place."""

    def made(_: object) -> SharedLoader[Id, str | None]:
        return SharedLoader(partial(question.ask, info.context.db, row), None)

    found = derived(info, "shared", made)
    return made(()) if found is None else found


def execution_row(info: Info) -> JsonRow | None:
    """For a field whose type is Execution or a list of it."""
    return _row(info, EXECUTION)


def tool_call_row(info: Info) -> JsonRow | None:
    """For a field whose type is a list of ToolCall."""
    return _row(info, TOOL_CALL)


def execution_connection(info: Info) -> JsonConnection | None:
    """For a field whose type is ExecutionConnection."""
    return derived(info, "connection", _connection)


def _row(info: Info, table: JsonTable) -> JsonRow | None:
    return derived(info, "row", lambda fields: _json_row(fields, table))


def _json_row(fields: Sequence[SelectedField], table: JsonTable) -> JsonRow | None:
    wanted = members_of(fields)
    return None if wanted is None else JsonRow.of(wanted, table)


def _connection(fields: Sequence[SelectedField]) -> JsonConnection | None:
    """Only for one list: two would be two rows for each execution."""
    lists = [field for field in fields if field.name in ("nodes", "edges")]
    others = {field.name for field in fields} - {"nodes", "edges"} - ON_CONNECTION
    if len(lists) != 1 or not others <= {"pageInfo"}:
        return None
    edge: tuple[tuple[str, str], ...] = ()
    nodes = lists
    if lists[0].name == "edges":
        edge = tuple((field.response_key, field.name) for field in lists[0].fields)
        nodes = [field for field in lists[0].fields if field.name == "node"]
        if len(nodes) != 1 or not {name for _, name in edge} <= {"cursor", "node"}:
            return None
    node = _json_row(nodes[0].fields, EXECUTION)
    return None if node is None else JsonConnection(node, edge, bool(edge or others))


def members_of(fields: Sequence[SelectedField]) -> tuple[JsonMember, ...] | None:
    """None where a field has arguments: no column takes any."""
    found = []
    for field in fields:
        below = members_of(field.fields)
        if below is None or field.arguments:
            return None
        constant = field.parent_type if field.name == "__typename" else None
        found.append(JsonMember(field.response_key, _python_name(field.name), below, constant))
    return tuple(found)


def _python_name(name: str) -> str:
    """As store.model spells what the API calls `name`."""
    return _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", name)
