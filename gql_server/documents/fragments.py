"""The fragments of a document in an order in which each comes after those that it spreads."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    SelectionSetNode,
)

Fragments = dict[str, FragmentDefinitionNode]


class FragmentCycle(GraphQLError):
    """A fragment is spread inside itself: the document has no finite size."""

    def __init__(self, spreads: list[FragmentSpreadNode]) -> None:
        # In the words of graphql-core, which would find all cycles; one is enough to refuse the document.
        *between, last = (spread.name.value for spread in spreads)
        via = f" via {', '.join(repr(name) for name in between)}" if between else ""
        super().__init__(f"Cannot spread fragment '{last}' within itself{via}.", spreads)


def fragments_of(document: DocumentNode) -> Fragments:
    """The fragments of a document by name; of several with one name the last, as graphql-core has it."""
    return {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }


def in_order(fragments: Fragments) -> list[FragmentDefinitionNode]:
    """Each fragment once, after all that it spreads. Raises FragmentCycle. Linear, and without recursion."""
    done: dict[str, FragmentDefinitionNode] = {}
    for name in fragments:
        if name not in done:
            _visit(name, fragments, done)
    return list(done.values())


def _visit(name: str, fragments: Fragments, done: Fragments) -> None:
    path = {name: _spreads(fragments[name].selection_set)}
    taken: list[FragmentSpreadNode] = []
    while path:
        current, spreads = next(reversed(path.items()))
        spread = next(spreads, None)
        if spread is None:
            path.popitem()
            done[current] = fragments[current]
            if taken:
                taken.pop()
            continue
        below = spread.name.value
        if below in path:
            begins = list(path).index(below)
            raise FragmentCycle([*taken[begins:], spread])
        if below in fragments and below not in done:
            path[below] = _spreads(fragments[below].selection_set)
            taken.append(spread)


def _spreads(selections: SelectionSetNode) -> Iterator[FragmentSpreadNode]:
    """Those of a definition, at any depth; the parser bounds how deep a definition can be."""
    waiting = [selections]
    while waiting:
        for node in waiting.pop().selections:
            match node:
                case FragmentSpreadNode():
                    yield node
                case (
                    FieldNode(selection_set=SelectionSetNode() as below)
                    | InlineFragmentNode(selection_set=below)
                ):
                    waiting.append(below)
