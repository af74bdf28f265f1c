"""Reads YAML strictly: no value becomes another than the one that is written.

The C scanner delivers events; the tree is built here without recursion. Only `null`, `true`, `false` (in YAML
1.2's spellings) and numbers in plain decimal form get a type; `no`, `010`, `1:30`, `1e3` and dates stay
strings. Duplicate keys, tags, merge keys, several documents, deep nesting, and aliases that multiply are
refused, each with line and column. Bounded by MAX_BYTES of input and by what aliases may add.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import yaml

from runner_bridge.formats.errors import FormatError, shown

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
# The biggest benchmark in the wild has about a thousand; this many take a third of a second and 30 MB.
MAX_NODES = 100_000
# What all aliases of a document may add to it together, in nodes and in characters of text.
MAX_ALIASED_NODES = 10_000
MAX_ALIASED_CHARACTERS = 256 * 1024

INT_MIN, INT_MAX = -(2**63), 2**64 - 1

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("-0123456789")
# int() of very many digits is slow, and every such number is out of range anyway.
_MAX_NUMBER_LENGTH = 400

Position = tuple[int, int]
Path = tuple[str | int, ...]


def load_yaml(data: bytes, source: str) -> object:
    """The one document in `data` as None, bool, int, float, str, list and dict with str keys."""
    return load_yaml_document(data, source).tree


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document and, when asked for, where each part of it stands in the text."""

    tree: object
    places: dict[int, dict[str | int, Position]]

    def locate(self, path: Path) -> Position | None:
        """Line and column of the part at `path`, or of the innermost part around it that exists."""
        node, found = self.tree, None
        for step in path:
            place = self.places.get(id(node), {}).get(step)
            if place is None:
                break
            found = place
            if isinstance(node, dict):
                node = node[step]
            elif isinstance(node, list) and isinstance(step, int):
                node = node[step]
        return found


def load_yaml_document(data: bytes, source: str, *, with_places: bool = False) -> YamlDocument:
    """Like load_yaml; `with_places` also records positions, which costs time and serves error messages."""
    builder = _Builder(source, with_places)
    text = decode_text(data, source)
    try:
        builder.read(text)
    except yaml.MarkedYAMLError as error:
        raise _scanner_error(error, source) from None
    except yaml.reader.ReaderError as error:
        line, column = _line_and_column(text, error.position)
        raise FormatError(str(error.reason), source=source, line=line, column=column) from None
    return YamlDocument(builder.tree, builder.places)


def decode_text(data: bytes, source: str) -> str:
    """`data` as text; FormatError when it is too big or not UTF-8."""
    if len(data) > MAX_BYTES:
        raise FormatError(f"{len(data)} bytes are more than the {MAX_BYTES} allowed", source=source)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(data[: error.start].decode("utf-8"), error.start)
        raise FormatError(
            f"byte 0x{data[error.start]:02x} is not UTF-8", source=source, line=line, column=column
        ) from None


def _line_and_column(text: str, position: int) -> Position:
    before = text[:position]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _scanner_error(error: yaml.MarkedYAMLError, source: str) -> FormatError:
    mark = error.problem_mark or error.context_mark
    message = ", ".join(part for part in (error.problem, error.context) if part)
    if mark is None:
        return FormatError(message, source=source)
    return FormatError(message, source=source, line=mark.line + 1, column=mark.column + 1)


@dataclass(slots=True)
class _Frame:
    """A list or map under construction. `nodes` and `characters` are the totals when it began."""

    container: list[object] | dict[str, object]
    anchor: str | None
    nodes: int
    characters: int
    height: int = 1
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A finished node that an alias may repeat, and how much each repetition adds."""

    value: object
    nodes: int
    characters: int
    height: int


@dataclass(slots=True)
class _Builder:
    source: str
    with_places: bool
    tree: object = None
    places: dict[int, dict[str | int, Position]] = field(default_factory=dict)
    _documents: int = 0
    _frames: list[_Frame] = field(default_factory=list)
    _anchors: dict[str, _Anchored] = field(default_factory=dict)
    _nodes: int = 0
    _characters: int = 0
    _aliased_nodes: int = 0
    _aliased_characters: int = 0

    def read(self, text: str) -> None:
        loader = yaml.CSafeLoader(text)
        try:
            while (event := loader.get_event()) is not None:
                self._take(event)
        finally:
            loader.dispose()
        if self._documents == 0 or self.tree is None:
            raise FormatError("the file is empty", source=self.source)

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open(event, {})
            case yaml.SequenceStartEvent():
                self._open(event, [])
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._error(event, "a second document begins here; one is allowed")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        self._count(event)
        text = event.value
        self._characters += len(text)
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.key is None and isinstance(frame.container, dict):
            frame.key = self._key(event, frame.container)
            value: object = text
        else:
            value = self._resolve(event) if event.implicit[0] else text
            self._place(event, value)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1, len(text), 0)

    def _key(self, event: yaml.ScalarEvent, container: dict[str, object]) -> str:
        key: str = event.value
        if event.implicit[0] and key in ("", "<<"):
            what = "merge keys (<<) are not supported" if key else "a key is missing here"
            raise self._error(event, what)
        if key in container:
            raise self._error(event, f"key {shown(key)} appears twice in one map")
        return key

    def _resolve(self, event: yaml.ScalarEvent) -> object:
        text: str = event.value
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _NUMBER_START:
            return text
        if _INTEGER.fullmatch(text):
            number = int(text) if len(text) <= _MAX_NUMBER_LENGTH else INT_MAX + 1
            if INT_MIN <= number <= INT_MAX:
                return number
            raise self._error(event, f"integer {shown(text)} does not fit into 64 bits")
        if _FLOAT.fullmatch(text):
            decimal = float(text)
            if math.isfinite(decimal):
                return decimal
            raise self._error(event, f"number {shown(text)} is too big")
        return text

    def _open(self, event: yaml.CollectionStartEvent, container: list[object] | dict[str, object]) -> None:
        self._refuse_tag(event)
        if len(self._frames) >= MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        frame = _Frame(container, event.anchor, self._nodes, self._characters)
        self._count(event)
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._place(event, container)
        if self.with_places:
            self.places[id(container)] = {}
        self._frames.append(frame)

    def _close(self) -> None:
        frame = self._frames.pop()
        if self._frames:
            parent = self._frames[-1]
            parent.height = max(parent.height, frame.height + 1)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(
                frame.container, self._nodes - frame.nodes, self._characters - frame.characters, frame.height
            )

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        anchored = self._anchors.get(name)
        if anchored is None:
            raise self._error(event, f"alias {shown(name)} has no finished anchor before it")
        self._aliased_nodes += anchored.nodes
        self._aliased_characters += anchored.characters
        if self._aliased_nodes > MAX_ALIASED_NODES or self._aliased_characters > MAX_ALIASED_CHARACTERS:
            raise self._error(event, "aliases multiply this document beyond what is allowed")
        if len(self._frames) + anchored.height > MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        self._nodes += anchored.nodes
        self._characters += anchored.characters
        if self._frames:
            self._frames[-1].height = max(self._frames[-1].height, anchored.height + 1)
        self._place(event, anchored.value)

    def _place(self, event: yaml.NodeEvent, value: object) -> None:
        """Puts a finished or just opened node where it belongs."""
        if not self._frames:
            self.tree = value
            return
        frame = self._frames[-1]
        container = frame.container
        step: str | int
        if isinstance(container, list):
            step = len(container)
            container.append(value)
        elif frame.key is None:
            raise self._error(event, "a key must be a text")
        else:
            step, frame.key = frame.key, None
            container[step] = value
        if self.with_places:
            self.places[id(container)][step] = _position(event)

    def _count(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(event, f"more than {MAX_NODES} keys and values")

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise self._error(event, f"tag {shown(event.tag)} is not allowed")

    def _error(self, event: yaml.Event, message: str) -> FormatError:
        line, column = _position(event)
        return FormatError(message, source=self.source, line=line, column=column)


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    if mark is None:
        return 1, 1
    return mark.line + 1, mark.column + 1
