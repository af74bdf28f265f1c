"""SELECT lists for rows that PostgreSQL writes as JSON, with exactly the members that are selected.

A tree of `JsonMember` becomes a `JsonRow` once per document. Where a member is not known here there is no JsonRow,
and the caller reads whole rows. The expressions are those of store.json.columns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

from store import sql
from store.errors import StoreError
from store.json.columns import JsonRelation, JsonTable
from store.postgres.database import Database
from store.records import record

SQL = sql.load("json_rows")

LONGEST_NAME = 63
"""PostgreSQL cuts longer names of columns."""

MOST_MEMBERS = 50
"""A function of PostgreSQL takes 100 arguments."""

OUT_OF_RANGE = (asyncpg.NumericValueOutOfRangeError, asyncpg.InvalidTextRepresentationError)
"""Errors of PostgreSQL for an Int that is too large, and for a Float that is no number."""

AND_STORED = "*"
"""Among the configured agents: all that have a stored configuration come after them. No agent has this name."""

AND_OTHERS = "**"
"""Among the configured agents: all others that ever executed anything come last. No agent has this name."""

Agents: TypeAlias = tuple[str, ...] | None
"""Names of agents; None for the configured ones."""

EVERY: Agents = (AND_OTHERS,)
"""The configured agents, and all others that ever executed anything."""


class NeedsRows(StoreError):
    """A value cannot be written as JSON, such as a number that is too large for the API: read whole rows."""


@record
class JsonMember:
    """A member of a JSON object: its key (a GraphQL name: no quotes), its column or relation, its members."""

    key: str
    name: str
    below: tuple[JsonMember, ...] = ()
    constant: str | None = None
    """The value itself, such as the name of a type; no quotes in it."""
    first: int | None = None
    """The length of a list that takes it."""
    agents: Agents = None
    """The agents of a list that takes them."""


@dataclass(frozen=True, slots=True, eq=False)
class JsonRow:
    """How a row becomes a JSON object. There is one per place in a document, and loaders use it as a key."""

    members: str
    """A SELECT list over a row that is called `e`; `@1` stands for the first of `agents`."""
    agents: tuple[Agents, ...] = ()
    """Lists of agents that are parameters of the statement; None for the configured ones."""

    @classmethod
    def of(cls, selected: Sequence[JsonMember], table: JsonTable) -> JsonRow | None:
        """For rows of `table`; None where a member is not known here."""
        if any(len(member.key) > LONGEST_NAME for member in selected):
            return None
        writer = _Writer([])
        try:
            members = writer.members(selected, table, "e")
        except _Unknown:
            return None
        return cls(", ".join(f'{expression} AS "{key}"' for key, expression in members), tuple(writer.agents))

    def after(self, values: int) -> str:
        """`members` for a statement that has `values` parameters before those of this row."""
        members = self.members
        for number in range(len(self.agents), 0, -1):
            members = members.replace(f"@{number}", f"${values + number}")
        return members


async def fetch(
    db: Database, statement: str, *values: object, by: Callable[..., Awaitable[list[Any]]] | None = None
) -> list[Any]:
    """The rows of a statement that writes JSON, read by `db.fetch` unless another is given; raises NeedsRows."""
    try:
        return await (by or db.fetch)(statement, *values)
    except OUT_OF_RANGE as error:
        raise NeedsRows("A number is out of the range of the API") from error


class _Unknown(Exception):
    """A member is not known here."""


@record
class _Writer:
    """Writes the expressions of one row, and collects the parameters that they need."""

    agents: list[Agents]

    def members(self, selected: Sequence[JsonMember], table: JsonTable, row: str) -> list[tuple[str, str]]:
        return [(member.key, self._expression(member, table, row)) for member in selected]

    def _expression(self, member: JsonMember, table: JsonTable, row: str) -> str:
        if member.constant is not None:
            return f"'{member.constant}'"
        if member.name in table.columns and not member.below:
            return table.columns[member.name].format(row=row)
        if member.name in table.relations and member.below:
            return self._related(member, table.relations[member.name], row)
        raise _Unknown

    def _related(self, member: JsonMember, relation: JsonRelation, outer: str) -> str:
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

    def _agents(self, member: JsonMember, relation: JsonRelation) -> str:
        if "{agents}" not in relation.source:
            return ""
        self.agents.append(member.agents)
        # A parameter inside a SELECT does not change the plan, so one plan serves all values.
        given = f"SELECT @{len(self.agents)}::text[]"
        are_given = member.agents is not None and member.agents != EVERY
        return f"({given})" if are_given else f"({SQL['configured'].format(given=given)})"

    def _object(self, selected: Sequence[JsonMember], table: JsonTable, row: str) -> str:
        if len(selected) > MOST_MEMBERS:
            raise _Unknown
        pairs = (f"'{key}', {expression}" for key, expression in self.members(selected, table, row))
        return f"json_build_object({', '.join(pairs)})"
