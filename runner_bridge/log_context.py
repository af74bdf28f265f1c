"""What a log record is about, and what no record may hold.

Whoever handles an execution does so inside `about`: every record from there on carries its id as a field,
those of the store and of libraries too, and so do the tasks and threads that are started inside. What is
shared between executions is started in `unrelated`. An API key is given to `hide` where it is decrypted.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Iterable
from contextlib import AbstractContextManager

from structlog.contextvars import bound_contextvars

MIN_HIDDEN_LENGTH = 6
"""A shorter text could not be told from ordinary words."""

MOST_HIDDEN = 1000
"""Of the keys that passed through, the newest are remembered: records are about what happens now."""

_hidden: dict[str, None] = {}


def about(
    *, execution_id: object | None = None, worker_id: object | None = None
) -> AbstractContextManager[None]:
    """Records inside carry these fields, beside those of the context around it."""
    fields = {"execution_id": execution_id, "worker_id": worker_id}
    return bound_contextvars(**{name: str(value) for name, value in fields.items() if value is not None})


def unrelated() -> contextvars.Context:
    """For a task that many executions share: whoever happens to start it is not what it is about."""
    return contextvars.Context()


def hide(secrets: Iterable[str]) -> None:
    """From now on none of these is in a record of this process, nor as JSON or Python would write it."""
    for secret in secrets:
        if len(secret) < MIN_HIDDEN_LENGTH:
            continue
        for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]):
            _hidden.pop(form, None)
            _hidden[form] = None
    while len(_hidden) > MOST_HIDDEN:
        del _hidden[next(iter(_hidden))]


def hidden() -> tuple[str, ...]:
    """What was given to `hide`."""
    return tuple(_hidden)
