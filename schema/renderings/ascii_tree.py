"""The two tree layouts of the old texts.

`narrow`: every line starts with a space, cells are three wide (` ├─`, ` └─`, ` │ `); used by the trace and by
the core form of the transaction logs. `wide`: the root at the margin, cells four wide (`├── `, `└── `,
`│   `); used by the box tree. A node's text is printed raw: its own newlines get no prefix.
"""

from __future__ import annotations

from collections.abc import Iterator

from store.records import record


@record
class Tree:
    """A text and what hangs below it."""

    text: str
    children: tuple[Tree, ...] = ()


@record
class _Cells:
    root: str
    node: str
    last_node: str
    line: str
    gap: str


_NARROW = _Cells(root=" ", node=" ├─ ", last_node=" └─ ", line=" │ ", gap="   ")
_WIDE = _Cells(root="", node="├── ", last_node="└── ", line="│   ", gap="    ")


def narrow(tree: Tree) -> str:
    """The tree with three-character cells, each line ended by a newline."""
    return "".join(f"{line}\n" for line in _lines(tree, _NARROW))


def wide(tree: Tree) -> str:
    """The tree with four-character cells, each line ended by a newline."""
    return "".join(f"{line}\n" for line in _lines(tree, _WIDE))


def _lines(tree: Tree, cells: _Cells) -> Iterator[str]:
    yield cells.root + tree.text
    yield from _below(tree.children, "", cells)


def _below(children: tuple[Tree, ...], prefix: str, cells: _Cells) -> Iterator[str]:
    for number, child in enumerate(children, start=1):
        is_last = number == len(children)
        yield prefix + (cells.last_node if is_last else cells.node) + child.text
        yield from _below(child.children, prefix + (cells.gap if is_last else cells.line), cells)
