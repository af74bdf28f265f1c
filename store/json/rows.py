"""Rows written as JSON by PostgreSQL, only the columns that are wanted: text on its way into an answer as it is.

What is wanted comes as a tree of `Wanted` and becomes a `JsonRow` once per document; what is not known here makes
none, and the caller reads whole rows then. The expressions are those of store.json.columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

from store import sql
from store.errors import StoreError
from store.json.columns import JsonRelation, JsonTable
from store.postgres.database import Database

SQL = sql.load("json_rows")

LONGEST_NAME = 63
"""PostgreSQL cuts longer names of columns."""

MOST_MEMBERS = 50
"""A function of PostgreSQL takes 100 arguments."""

OUT_OF_RANGE = (asyncpg.NumericValueOutOfRangeError, asyncpg.InvalidTextRepresentationError)
"""What PostgreSQL says of an Int that is too large, and of a Float that is no number."""

Agents: TypeAlias = tuple[str, ...] | None
"""By name; None for those that are configured."""


class NeedsRows(StoreError):
    """A row holds what cannot be written, such as a number that is too large for the API: read whole rows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A member of a JSON object: its key (as GraphQL names things: no quotes in it), what it is, what of that."""

    key: str
    name: str
    below: tuple[Wanted, ...] = ()
    constant: str | None = None
    """The value itself, such as the name of a type; no quotes in it."""
    first: int | None = None
    """Of a list that takes it, how many."""
    agents: Agents = None
    """Of a list that takes it, the agents."""


@dataclass(frozen=True, slots=True, eq=False)
class JsonRow:
    """How a row becomes a JSON object. One per place in a document: loaders tell what they load apart by it."""

    members: str
    """A SELECT list over a row that is called `e`; `@1` stands for the first of `agents`."""
    agents: tuple[Agents, ...] = ()
    """Lists of agents that it needs as values of the statement; None for those that are configured."""

    @classmethod
    def of(cls, wanted: Sequence[Wanted], table: JsonTable) -> JsonRow | None:
        """For rows of `table`; None where something that is wanted is not known here."""
        if any(len(member.key) > LONGEST_NAME for member in wanted):
            return None
        writer = _Writer([])
        try:
            members = writer.members(wanted, table, "e")
        except _Unknown:
            return None
        return cls(", ".join(f'{expression} AS "{key}"' for key, expression in members), tuple(writer.agents))

    def after(self, values: int) -> str:
        """`members` of a statement that has so many values before those of this row."""
        members = self.members
        for number in range(len(self.agents), 0, -1):
            members = members.replace(f"@{number}", f"${values + number}")
        return members


async def fetch(db: Database, statement: str, *values: object) -> list[Any]:
    """The rows of a statement that writes JSON; raises NeedsRows."""
    try:
        return await db.fetch(statement, *values)
    except OUT_OF_RANGE as error:
        raise NeedsRows("A number is out of the range of the API") from error


class _Unknown(Exception):
    """Something wanted is not known here."""


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the expressions of one row, and notes the values that they need."""

    agents: list[Agents]

    def members(self, wanted: Sequence[Wanted], table: JsonTable, row: str) -> list[tuple[str, str]]:
        return [(member.key, self._expression(member, table, row)) for member in wanted]

    def _expression(self, member: Wanted, table: JsonTable, row: str) -> str:
        if member.constant is not None:
            return f"'{member.constant}'"
        if member.name in table.columns and not member.below:
            return table.columns[member.name].format(row=row)
        if member.name in table.relations and member.below:
            return self._related(member, table.relations[member.name], row)
        raise _Unknown

    def _related(self, member: Wanted, relation: JsonRelation, outer: str) -> str:
        row = f"{outer}e" if relation.source else outer
        written = self._object(member.below, relation.table, row)
        if not relation.source:
            present = relation.present.format(row=row)
            return f"CASE WHEN {present} THEN {written} END" if present else written
        source = relation.source.format(
            outer=outer, row=row, first=member.first, agents=self._agents(member, relation)
        )
        if f"{row}_b." in written:
            source += relation.joined.format(row=row)
        if relation.many:
            order = f" ORDER BY {relation.order.format(row=row)}" if relation.order else ""
            written = f"coalesce(json_agg({written}{order}), '[]')"
        condition = relation.condition.format(outer=outer, row=row)
        return SQL["related"].format(written=written, source=source, condition=condition)

    def _agents(self, member: Wanted, relation: JsonRelation) -> str:
        if "{agents}" not in relation.source:
            return ""
        self.agents.append(member.agents)
        # Behind a SELECT the planner does not look at the value, so it keeps one plan for all.
        return f"(SELECT @{len(self.agents)}::text[])"

    def _object(self, wanted: Sequence[Wanted], table: JsonTable, row: str) -> str:
        if len(wanted) > MOST_MEMBERS:
            raise _Unknown
        pairs = (f"'{key}', {expression}" for key, expression in self.members(wanted, table, row))
        return f"json_build_object({', '.join(pairs)})"
