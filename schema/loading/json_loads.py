"""Queries whose results PostgreSQL writes as JSON text: the same query for many ids becomes one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from store.executions.filters import ExecutionFilter
from store.executions.listing import ExecutionBounds, Parent
from store.json import lists
from store.json.rows import JsonRow
from store.postgres.database import Database
from store.records import record

Id = Any
"""Of an execution, a benchmark or a batch."""


class Question(Protocol):
    """A frozen dataclass: equal queries become one statement."""

    async def ask(self, db: Database, row: JsonRow, ids: Sequence[Id]) -> Mapping[Id, str]:
        """The JSON text of each id that has one. Raises NeedsRows."""


@record
class ExecutionById:
    async def ask(self, db: Database, row: JsonRow, ids: Sequence[Id]) -> Mapping[Id, str]:
        return await lists.by_ids(db, row, ids)


@record
class ToolCalls:
    """Of each execution, the list of its tool calls."""

    async def ask(self, db: Database, row: JsonRow, ids: Sequence[Id]) -> Mapping[Id, str]:
        return await lists.tool_calls(db, row, ids)


@record
class LatestExecution:
    """Of each benchmark, by one agent or by any."""

    agent: str | None

    async def ask(self, db: Database, row: JsonRow, ids: Sequence[Id]) -> Mapping[Id, str]:
        return await lists.latest(db, row, ids, self.agent)


@record
class LatestExecutions:
    """Of each benchmark, a list with one by each agent."""

    agents: tuple[str, ...]
    are_configured: bool
    """Whether AND_STORED and AND_OTHERS may be among them."""

    async def ask(self, db: Database, row: JsonRow, ids: Sequence[Id]) -> Mapping[Id, str]:
        return await lists.latest_of_agents(db, row, ids, self.agents, are_configured=self.are_configured)


@record
class FirstExecutions:
    """Of each parent, the list of its executions on a page read forwards."""

    parent: Parent
    filter: ExecutionFilter
    bounds: ExecutionBounds

    async def ask(self, db: Database, row: JsonRow, ids: Sequence[Id]) -> Mapping[Id, str]:
        return await lists.first_of(db, row, self.parent, ids, self.filter, self.bounds)


JsonKey = tuple[Question, JsonRow, Id]


async def texts(db: Database, keys: Sequence[JsonKey]) -> Mapping[JsonKey, str]:
    """The JSON text of each key that has one. Raises NeedsRows where any row must be read whole."""
    ids: dict[tuple[Question, JsonRow], list[Id]] = {}
    for question, row, id_ in keys:
        ids.setdefault((question, row), []).append(id_)
    asked = [question.ask(db, row, about) for (question, row), about in ids.items()]
    answers = await asyncio.gather(*asked, return_exceptions=True) if len(asked) > 1 else [await asked[0]]
    found: dict[JsonKey, str] = {}
    for (question, row), answer in zip(ids, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        found |= {(question, row, id_): text for id_, text in answer.items()}
    return found
