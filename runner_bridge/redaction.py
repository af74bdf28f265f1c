"""Text that others wrote, made fit to store and to show: without secrets, escape sequences and control
characters.

Secrets are the values of environment variables with KEY, TOKEN, SECRET or PASSWORD in their name. Each is
replaced by the variable's name in brackets, also where it is written as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from runner_bridge.formats.models import JsonValue

SECRET_MIN_LENGTH = 6
"""Shorter values of secret variables would remove ordinary words."""

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean_text(raw: bytes) -> str:
    """Bytes of a terminal as text: colours and titles gone, other control characters visible."""
    text = _ANSI.sub("", raw.decode("utf-8", "replace").replace("\r\n", "\n"))
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


class Secrets:
    """The secrets of an environment, for callers that remove them many times."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._found = _secrets(environment)

    def removed(self, text: str) -> str:
        """`text` without secrets, and without lone surrogates, which no file can hold."""
        return _removed(text, self._found).encode("utf-8", "replace").decode()

    def removed_from_tree(self, value: JsonValue) -> JsonValue:
        """The same for every text in a JSON tree, keys included."""
        return _removed_from_tree(value, self.removed)


def redact(text: str, environment: Mapping[str, str]) -> str:
    """`text` without the values of the secrets that the runner was given, plain or as JSON writes them."""
    return _removed(text, _secrets(environment))


def redact_bytes(data: bytes, environment: Mapping[str, str]) -> bytes:
    """The same for the bytes of a file."""
    for name, value in _secrets(environment):
        data = data.replace(value.encode(), f"[{name}]".encode())
    return data


def redact_json(value: JsonValue, environment: Mapping[str, str]) -> JsonValue:
    """The same for every text in a tree, keys included."""
    secrets = _secrets(environment)
    return _removed_from_tree(value, lambda text: _removed(text, secrets)) if secrets else value


def _removed(text: str, secrets: Sequence[tuple[str, str]]) -> str:
    for name, secret in secrets:
        text = text.replace(secret, f"[{name}]")
    return text


def _removed_from_tree(value: JsonValue, removed: Callable[[str], str]) -> JsonValue:
    match value:
        case str():
            return removed(value)
        case dict():
            return {removed(key): _removed_from_tree(item, removed) for key, item in value.items()}
        case list() | tuple():
            return [_removed_from_tree(item, removed) for item in value]
        case _:
            return value


def cut_beside_secrets(data: bytes, at: int, environment: Mapping[str, str]) -> int:
    """Where to cut `data` in two, at `at` or a little before it, so that no secret is cut."""
    for _, value in _secrets(environment):
        secret = value.encode()
        found = data.find(secret, max(0, at - len(secret) + 1), at + len(secret) - 1)
        if 0 <= found < at:
            at = found
    return at


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """The values in `environment` that are hidden in what a runner says, in every spelling."""
    return [value for _, value in _secrets(environment)]


def _secrets(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names and values, each value in every spelling, the longest first: one may begin with another."""
    found = {
        (name, form)
        for name, value in environment.items()
        if _SECRET_NAME.search(name) and len(value) >= SECRET_MIN_LENGTH
        for form in _spellings(value)
    }
    return sorted(found, key=lambda item: (-len(item[1]), item))


def _spellings(value: str) -> set[str]:
    escaped = json.dumps(value)[1:-1]
    return {value, escaped, escaped.replace("/", "\\/")}
