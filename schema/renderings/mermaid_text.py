"""Any text as a part of a Mermaid state diagram: as a label, or as the id of a state.

A label keeps its words, spaces and harmless punctuation; every other sign becomes a Mermaid entity (`#58;`
for a colon), which is drawn as the sign but read neither as syntax, Markdown, a comment, a directive nor a
link. An id is made of ASCII letters, digits and `_` only, is no word of the language, and names one thing.
"""

from __future__ import annotations

import re
import unicodedata

from schema.renderings.plain_text import shortened

MAX_LABEL = 200
MAX_ID = 64

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SAFE = frozenset(" .,_=()/!?'-%")
# Mermaid marks its own entities with these while it parses.
_MERMAID_MARKS = frozenset("°¶")
_JOINERS = frozenset("\u200c\u200d")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})

# `direction LR` is an instruction wherever it stands in a line.
_INSTRUCTION = re.compile("(?<=d)i(?=rection)", re.IGNORECASE)
# What Markdown would turn into a list, a rule, emphasis or a link; and what Mermaid takes for a comment.
_SPECIAL = re.compile(
    r"^[-_=]|^[0-9]+[.)](?= |$)|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.|%(?=[%{])|(?<=%)%", re.IGNORECASE
)
_NOT_ID = re.compile("[^A-Za-z0-9_]")

# Words of the language, ids that are used already, and names that every JavaScript object has.
_RESERVED = frozenset(
    "accdescr acctitle as choice class classdef click default direction end fork hide href join note root "
    "scale start state statediagram style __definegetter__ __definesetter__ __lookupgetter__ "
    "__lookupsetter__ __proto__ constructor hasownproperty "
    "isprototypeof propertyisenumerable prototype tolocalestring tostring valueof".split()
)


def label(text: str, limit: int = MAX_LABEL) -> str:
    """`text` as a label on one line, cut to `limit` characters before anything is escaped; may be empty."""
    flat = shortened(" ".join(text.split()), limit)
    marked = {place for match in _SPECIAL.finditer(flat) for place in _signs(match)}
    marked |= {match.start() for match in _INSTRUCTION.finditer(flat)}
    return "".join(
        _entity(character) if place in marked else _safe(character) for place, character in enumerate(flat)
    )


def _signs(match: re.Match[str]) -> list[int]:
    """The places of the match that are not digits: a list's number stays, its dot is escaped."""
    return [place for place in range(*match.span()) if not match.string[place].isdigit()]


def _safe(character: str) -> str:
    if character in _SAFE or character in _JOINERS:
        return character
    if character.isascii():
        return character if character.isalnum() else _escaped(character)
    if character in _MERMAID_MARKS:
        return _entity(character)
    return REPLACEMENT if _is_unseen(character) else character


def _escaped(character: str) -> str:
    return _entity(character) if character.isprintable() else REPLACEMENT


def _is_unseen(character: str) -> bool:
    """Controls, format and private characters, surrogates, and code points that are no characters."""
    return unicodedata.category(character) in _UNSEEN or ord(character) & 0xFFFE == 0xFFFE


def _entity(character: str) -> str:
    return f"#{ord(character)};"


class StateIds:
    """Gives every thing of a diagram an id of its own, and the same thing the same id again."""

    def __init__(self, *taken: str) -> None:
        self._owner: dict[str, object] = dict.fromkeys(taken, None)
        self._ids: dict[object, str] = {}

    def id_of(self, key: object, text: str) -> str:
        """The id of the thing `key`, made from `text` the first time: that text itself wherever it can be."""
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = self._free(state_id(text))
            self._owner[known] = key
        return known

    def _free(self, wanted: str) -> str:
        candidate, number = wanted, 1
        while candidate in self._owner:
            number += 1
            candidate = f"{wanted}_{number}"
        return candidate


def state_id(text: str) -> str:
    """`text` with all but ASCII letters, digits and `_` made `_`; a word of the language gets a suffix.

    Hyphens go without a trace, as in the old server's diagrams.
    """
    made = _NOT_ID.sub("_", text.replace("-", ""))[:MAX_ID] or "_"
    return f"{made}_" if made.lower() in _RESERVED else made
