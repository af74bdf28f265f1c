"""The selection below a field, computed once per document, so that PostgreSQL can write it as JSON.

The front door tells it, with and without compiled execution, and puts `ReadyJson` into the answer as it is.
graphql-core's own executor does neither: `selection_of` is None then, and a resolver returns ordinary objects.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import field
from typing import Any, TypeVar

import strawberry
from graphql import FieldNode, InlineFragmentNode

from store.records import record

T = TypeVar("T")


@record
class SelectedField:
    """One field below another, under the name it has in the response; same-named ones are merged."""

    response_key: str
    name: str
    parent_type: str
    arguments: Mapping[str, Any]
    """As written, where they are constants; empty when none is given."""
    fields: tuple[SelectedField, ...]
    """What is selected of it; empty for leaves."""


@record
class Selection:
    """All that is selected below one field of a document. There is one per place in a document, for its life.

    Without compiled execution there is one per place and request.

    It exists only where nothing of it depends on variables or on the types of what is found. `@skip` and
    `@include` are decided before: each way in which they turn out has a selection of its own.
    """

    fields: tuple[SelectedField, ...]
    memo: dict[Hashable, Any] = field(default_factory=dict, compare=False)
    """What a resolver derived from it, such as a statement: kept as long as the document is."""

    def count(self) -> int:
        """How many fields it has, at every level."""
        count, waiting = 0, [*self.fields]
        while waiting:
            count += 1
            waiting += waiting.pop().fields
        return count


@record
class ReadyJson:
    """A value written as JSON in UTF-8 that is exactly what its selection asks for, errors impossible."""

    text: bytes


def selection_of(info: strawberry.Info[Any, Any]) -> Selection | None:
    """What is selected below the field being resolved; None when the resolver must return ordinary objects."""
    selection: Selection | None = getattr(info._raw_info, "selection", None)
    return selection


def derived(
    info: strawberry.Info[Any, Any], name: str, derive: Callable[[tuple[SelectedField, ...]], T | None]
) -> T | None:
    """What `derive` makes of the fields below, made once per place in a document and remembered under `name`.

    None where it makes nothing of them, and where the resolver must return ordinary objects.
    """
    selection = selection_of(info)
    if selection is None:
        return None
    if name not in selection.memo:
        selection.memo[name] = derive(selection.fields)
    found: T | None = selection.memo[name]
    return found


def selected_names(info: strawberry.Info[Any, Any]) -> frozenset[str]:
    """The names of the fields right below the field being resolved, those that are skipped too."""
    known = derived(info, "names", lambda fields: frozenset(field.name for field in fields))
    return _names_in_document(info._raw_info) if known is None else known


def _names_in_document(info: Any) -> frozenset[str]:
    names, spread = set(), set()
    waiting = [node.selection_set for node in info.field_nodes]
    while waiting:
        for node in getattr(waiting.pop(), "selections", ()):
            if isinstance(node, FieldNode):
                names.add(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif node.name.value not in spread:
                spread.add(node.name.value)
                waiting.append(info.fragments[node.name.value].selection_set)
    return frozenset(names)


def is_alone(info: strawberry.Info[Any, Any]) -> bool:
    """Whether nothing else of the request is resolved now: its document has this one field at the root."""
    raw: Any = info._raw_info
    if raw.path.prev is not None:
        return False
    selections = raw.operation.selection_set.selections
    return len(selections) == 1 and selections[0].kind == "field"
