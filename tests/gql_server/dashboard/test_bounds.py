"""No document of the page asks for a part of a list without learning how much there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    visit,
)

from gql_server.documents.page_documents import DIRECTORY, document_text
from schema import build_schema

OPERATIONS = sorted(path.stem for path in DIRECTORY.glob("*.graphql"))

TOLD_BY = {"totalCount", "pageInfo"}
"""Either says whether there is more."""

ONLY_A_POSITION = {"updatesCursor"}
"""Selected alone nothing of the list is read."""

BOUNDED = {"agent.overTime": "the newest periods of a chart, which says when there may be older ones"}
"""Parts of lists that are all that is wanted, by `document.field`, each with the reason."""


class Parts(Visitor):
    """Collects the fields that give a part of a list without a word of the rest."""

    def __init__(self, types: TypeInfo, document: DocumentNode) -> None:
        super().__init__()
        self.types = types
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.silent: list[str] = []

    def enter_field(self, node: FieldNode, *_: object) -> None:
        field = self.types.get_field_def()
        if field is None or not {"first", "last"} & set(field.args):
            return
        of = get_named_type(field.type)
        selected = set(self._selected(node))
        told = TOLD_BY & selected or selected <= ONLY_A_POSITION
        if not told or not isinstance(of, GraphQLObjectType):
            self.silent.append(node.name.value)

    def _selected(self, node: FieldNode | FragmentDefinitionNode) -> Iterator[str]:
        for selection in node.selection_set.selections if node.selection_set else ():
            if isinstance(selection, FieldNode):
                yield selection.name.value
            elif isinstance(selection, FragmentSpreadNode):
                yield from self._selected(self.fragments[selection.name.value])


def silent_in(text: str) -> list[str]:
    types, document = TypeInfo(build_schema()._schema), parse(text)
    parts = Parts(types, document)
    visit(document, TypeInfoVisitor(types, parts))
    return parts.silent


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_list_is_asked_for_without_how_many_there_are(name: str) -> None:
    silent = [field for field in silent_in(document_text(name)) if f"{name}.{field}" not in BOUNDED]
    assert not silent, f"{name} shows a part of {', '.join(silent)} and cannot say so"


def test_a_part_without_a_word_of_the_rest_is_found() -> None:
    assert silent_in("{ benchmarks(first: 200) { nodes { id } } }") == ["benchmarks"]
    assert silent_in("{ leaderboard(first: 5) { entries { agent } } }") == ["leaderboard"]
    assert (
        silent_in("{ benchmarks { totalCount nodes { id } } executions(first: 1) { updatesCursor } }") == []
    )
