"""What is refused in requests for executions, whatever they ask for. Each check raises InvalidInput."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from runner_bridge.errors import InvalidInput
from runner_bridge.formats import ids
from runner_bridge.formats.errors import FormatError
from store.executions.queue import HIGHEST_PRIORITY, LOWEST_PRIORITY
from store.executions.tags import MAX_TAGS

MIN_TIMEOUT_MS = 100
MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000
MAX_KEY_LENGTH = 200
MAX_NAME_LENGTH = 200
MAX_NOTE_LENGTH = 4000
TAG = re.compile(r"[A-Za-z0-9_.:/-]{1,64}(=[A-Za-z0-9_.:/-]{1,64})?")
"""A tag of an execution or a batch: `key`, or `key=value`."""


def check_name(name: str) -> None:
    if not (1 <= len(name) <= MAX_NAME_LENGTH and name.isprintable()):
        raise InvalidInput("name", f"A name is 1 to {MAX_NAME_LENGTH} printable characters")


def check_note(note: str) -> None:
    if len(note) > MAX_NOTE_LENGTH:
        raise InvalidInput("note", f"A note has at most {MAX_NOTE_LENGTH} characters")


def check_tags(field: str, tags: Sequence[str]) -> None:
    """At most MAX_TAGS different tags."""
    if len(tags) > MAX_TAGS:
        raise InvalidInput(field, f"At most {MAX_TAGS} tags can be given, not {len(tags)}")
    for tag in tags:
        if not TAG.fullmatch(tag):
            allowed = "1 to 64 letters, digits and `_.:/-` each"
            raise InvalidInput(field, f"{tag[:80]!r} is not a tag: `key` or `key=value`, {allowed}")
    check_distinct(field, tags)


def check_tag_changes(add: Sequence[str], remove: Sequence[str]) -> None:
    """Tags to add and others to remove."""
    check_tags("add", add)
    check_tags("remove", remove)
    if both := next((tag for tag in add if tag in remove), None):
        raise InvalidInput("remove", f"{both!r} cannot be added and removed at once")


def check_distinct(field: str, values: Sequence[str]) -> None:
    if repeated := next((value for value, count in Counter(values).items() if count > 1), None):
        raise InvalidInput(field, f"{repeated!r} is named twice")


def check_id(field: str, value: str) -> None:
    try:
        ids.check_id(value, field)
    except FormatError as error:
        raise InvalidInput(field, error.message) from error


def check_timeout(timeout_ms: int) -> int:
    if not MIN_TIMEOUT_MS <= timeout_ms <= MAX_TIMEOUT_MS:
        raise InvalidInput(
            "timeoutMs",
            f"A time limit is {MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS} milliseconds, not {timeout_ms}",
        )
    return timeout_ms


def check_priority(priority: int) -> int:
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise InvalidInput(
            "priority", f"A priority is {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}, not {priority}"
        )
    return priority


def check_key(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(
            "idempotencyKey", f"An idempotency key is 1 to {MAX_KEY_LENGTH} printable characters"
        )
    return key
