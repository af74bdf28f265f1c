"""The secrets of this process's environment, and removing them from what an endpoint answers.

Whatever an endpoint sends is cleaned once, when it arrives. So no file of this runner can hold a secret that the
endpoint echoes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from runner_bridge.formats.models import JsonValue

MIN_LENGTH = 6
"""Shorter values would remove ordinary words."""

_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


class Secrets:
    """The values of variables with KEY, TOKEN, SECRET or PASSWORD in their name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        found = {
            (spelling, name)
            for name, value in environment.items()
            if _NAME.search(name) and len(value) >= MIN_LENGTH
            for spelling in _spellings(value)
        }
        # The longest first: one may begin with another.
        self._found = sorted(found, key=lambda item: (-len(item[0]), item))

    def removed(self, text: str) -> str:
        """`text` with each secret replaced by its variable's name in brackets, and without lone surrogates."""
        for value, name in self._found:
            text = text.replace(value, f"[{name}]")
        return text.encode("utf-8", "replace").decode()

    def removed_from_tree(self, value: JsonValue) -> JsonValue:
        """The same for every text in a JSON tree, keys included."""
        match value:
            case str():
                return self.removed(value)
            case dict():
                return {self.removed(key): self.removed_from_tree(item) for key, item in value.items()}
            case list():
                return [self.removed_from_tree(item) for item in value]
            case _:
                return value


def _spellings(value: str) -> set[str]:
    escaped = json.dumps(value)[1:-1]
    return {value, escaped, escaped.replace("/", "\\/")}
