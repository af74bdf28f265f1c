"""Writes the Python function that executes the selected fields of one object.

The only text of a client in it are response keys, which are GraphQL names; all other names are ours.
A plain read of a leaf, which most fields are, becomes a line that reads and one that tests whether the value can
go into the answer as it is.
"""

from __future__ import annotations

import json
from keyword import iskeyword
from types import CoroutineType
from typing import Any

from graphql.pyutils import Path

from gql_server.compiled.completion import Classes, Fields
from gql_server.compiled.leaves import Leaf
from gql_server.compiled.places import Place
from gql_server.compiled.waiting import filled

INDENT = "    "


class Writer:
    """One function under way, from `source`, the object, to its dictionary."""

    def __init__(self, name: str, ordinary: Classes) -> None:
        self._name = name
        self._names: dict[str, Any] = {
            "Path": Path,
            "coroutine": CoroutineType,
            "filled": filled,
            "new": tuple.__new__,
            "ordinary": ordinary,
        }
        self._lines = [f"def {name}(source, path, scope):", "    answer = {}", "    waiting = ()", "    try:"]

    def name(self, name: str, value: object) -> str:
        """Makes `value` known to the code by `name`."""
        self._names[name] = value
        return name

    def constant(self, key: str, value: str) -> None:
        """A field that is the same for every object."""
        self._write(2, f"answer[{quoted(key)}] = {quoted(value)}")

    def leaf(self, place: Place, value: str, leaf: Leaf, nullable: bool) -> None:
        """A leaf without a resolver; a value that fails its test is completed like any other."""
        self._names |= leaf.names
        self._begin(place, value)
        if leaf.becomes is None:
            self._write(3, f"if not ({leaf.test}{' or v is None' if nullable else ''}):")
        else:
            self._write(3, f"if {leaf.test}:")
            self._write(4, f"v = {leaf.becomes}")
            self._write(3, "elif v is not None:" if nullable else "else:")
        self._settle(4, place)
        self._end(place)

    def object_of(self, place: Place, value: str, fields: Fields) -> None:
        """An object without a resolver, of a type that needs no check."""
        self.name(f"fields_{place.key}", fields)
        self._begin(place, value)
        self._write(3, "if v.__class__ in ordinary:")
        self._write(4, f"v = fields_{place.key}(v, {self._path(place)}, scope)")
        self._write(4, "if v.__class__ is coroutine:")
        self._write(5, f"v = place_{place.key}.guarded(v, {self._path(place)}, scope)")
        self._write(5, f"waiting += ({quoted(place.key)},)")
        self._write(3, "else:")
        self._settle(4, place)
        self._end(place)

    def anything(self, place: Place, value: str) -> None:
        """Any other field without a resolver."""
        self._begin(place, value)
        self._settle(3, place)
        self._end(place)

    def resolved(self, place: Place, resolve: object, arguments: object, *, takes_info: bool) -> None:
        """A field with a resolver. `arguments`: those of every request, how they are found for one, or None."""
        self.name(f"resolve_{place.key}", resolve)
        self.name(f"place_{place.key}", place)
        self._write(2, f"here = {self._path(place)}")
        self._write(2, "try:")
        given = ""
        if arguments is not None:
            self.name(f"arguments_{place.key}", arguments)
            given = f", **arguments_{place.key}" + ("(scope)" if callable(arguments) else "")
        info = f"place_{place.key}.info(scope, here)" if takes_info else "None"
        self._write(3, f"v = resolve_{place.key}(source, {info}{given})")
        self._write(3, "if v.__class__ is coroutine:")
        self._write(4, f"v = place_{place.key}.awaited(v, here, scope)")
        self._write(3, "else:")
        self._write(4, f"v = place_{place.key}.settle(v, here, scope)")
        self._write(3, "if v.__class__ is coroutine:")
        self._write(4, f"waiting += ({quoted(place.key)},)")
        self._end(place, "here")

    def function(self) -> tuple[str, Fields]:
        """The text of the function and what it became."""
        if self._lines[-1].endswith("try:"):
            # Everything is skipped.
            self._write(2, "pass")
        self._write(1, "except Exception:")
        self._write(2, "if waiting:")
        self._write(3, "scope.executor.settle_in_background([answer[key] for key in waiting])")
        self._write(2, "raise")
        self._write(1, "return filled(answer, waiting) if waiting else answer")
        source = "\n".join(self._lines) + "\n"
        exec(compile(source, f"<compiled {self._name}>", "exec"), self._names)
        fields: Fields = self._names[self._name]
        return source, fields

    def _begin(self, place: Place, value: str) -> None:
        self.name(f"place_{place.key}", place)
        self._write(2, "try:")
        self._write(3, f"v = {value}")

    def _settle(self, depth: int, place: Place) -> None:
        self._write(depth, f"v = place_{place.key}.settle(v, {self._path(place)}, scope)")
        self._write(depth, "if v.__class__ is coroutine:")
        self._write(depth + 1, f"waiting += ({quoted(place.key)},)")

    def _end(self, place: Place, path: str = "") -> None:
        self._write(2, "except Exception as error:")
        self._write(3, f"v = place_{place.key}.failed(error, {path or self._path(place)}, scope)")
        self._write(2, f"answer[{quoted(place.key)}] = v")

    def _path(self, place: Place) -> str:
        return f"new(Path, (path, {quoted(place.key)}, {quoted(place.parent.name)}))"

    def _write(self, depth: int, text: str) -> None:
        self._lines.append(INDENT * depth + text)


def quoted(name: str) -> str:
    """A name of GraphQL's or Python's as a string literal."""
    return json.dumps(name)


def read(attribute: str) -> str:
    """The expression that reads `attribute` of the object."""
    if attribute.isidentifier() and not iskeyword(attribute):
        return f"source.{attribute}"
    return f"getattr(source, {quoted(attribute)})"
