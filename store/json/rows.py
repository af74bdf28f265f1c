"""The SQL expression of a JSON object with exactly the members that are selected of a row, as text.

A tree of `JsonMember` becomes a `JsonRow` once per document. Where a member is not known here there is no JsonRow,
and the caller reads whole rows. The expressions are those of store.json.columns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import orjson

from store import sql
from store.errors import StoreError
from store.json.columns import JsonRelation, JsonTable
from store.postgres.database import Database
from store.records import record

SQL = sql.load("json_rows")

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

    object: str
    """The expression, for a row that is called `e`; `@1` stands for the first of `agents`."""
    agents: tuple[Agents, ...] = ()
    """Lists of agents that are parameters of the statement; None for the configured ones."""
    columns: tuple[str, ...] = ()
    """The expression of each member, for `of_values`: its value, or its JSON where `as_json` has its key."""
    keys: tuple[str, ...] = ()
    as_json: tuple[str, ...] = ()

    @property
    def list(self) -> str:
        """The expression of a JSON list of the objects of all rows."""
        return SQL["list"].format(object=self.object, order="")

    @classmethod
    def of(cls, selected: Sequence[JsonMember], table: JsonTable) -> JsonRow | None:
        """For rows of `table`; None where a member is not known here."""
        writer = _Writer([])
        try:
            written = writer.object(selected, table, "e")
        except _Unknown:
            return None
        agents = tuple(writer.agents)
        return cls(
            written,
            agents,
            tuple(writer.value(member, table, "e") for member in selected),
            tuple(member.key for member in selected),
            tuple(member.key for member in selected if not _is_value(member, table)),
        )

    def of_values(self, values: Sequence[Any]) -> str:
        """The object, from what a statement gave for `columns`. Raises NeedsRows.

        For one row PostgreSQL needs longer to prepare the writing than Python to write.
        """
        for value in values:
            if value.__class__ is float and value - value != 0.0:
                raise NeedsRows("Not a number, or infinite")
        members = dict(zip(self.keys, values, strict=True))
        for key in self.as_json:
            if members[key] is not None:
                members[key] = orjson.Fragment(members[key])
        return orjson.dumps(members).decode()

    def after(self, values: int) -> str:
        """`object` for a statement that has `values` parameters before those of this row."""
        written = self.object
        for number in range(len(self.agents), 0, -1):
            written = written.replace(f"@{number}", f"${values + number}")
        return written


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

    def object(self, selected: Sequence[JsonMember], table: JsonTable, row: str) -> str:
        pieces, before = [], "{"
        for member in selected:
            written = self._expression(member, table, row)
            pieces += [f"""'{before}"{member.key}":'""", f"coalesce({written}, 'null')"]
            before = ","
        return _joined([*pieces, "'}'"])

    def value(self, member: JsonMember, table: JsonTable, row: str) -> str:
        if _is_value(member, table):
            return table.values[member.name].format(row=row)
        return self._expression(member, table, row)

    def _expression(self, member: JsonMember, table: JsonTable, row: str) -> str:
        if member.constant is not None:
            return f"""'"{member.constant}"'"""
        if member.name in table.columns and not member.below:
            return table.columns[member.name].format(row=row)
        if member.name in table.relations and member.below:
            return self._related(member, table.relations[member.name], row)
        raise _Unknown

    def _related(self, member: JsonMember, relation: JsonRelation, outer: str) -> str:
        row = f"{outer}e" if relation.source else outer
        written = self.object(member.below, relation.table, row)
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
            written = SQL["list"].format(object=written, order=order)
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


def _is_value(member: JsonMember, table: JsonTable) -> bool:
    return member.constant is None and member.name in table.values


def _joined(pieces: Sequence[str]) -> str:
    """All of them behind each other; as a tree, so that no piece is copied more often than the tree is high."""
    if len(pieces) == 1:
        return pieces[0]
    middle = len(pieces) // 2
    return f"({_joined(pieces[:middle])} || {_joined(pieces[middle:])})"
