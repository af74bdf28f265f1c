"""The fields that log records carry, and the secrets that none may hold.

Code that handles an execution runs inside `about`: every record from there on carries the execution's id as a
field, records of the store and of libraries too, and so do the tasks and threads that are started inside. A
task that executions share is started in the context that `unrelated` gives. An API key is given to
`SECRETS.hide` as soon as it is decrypted.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

FIELDS = "fields"
"""The attribute of a record of the standard library that holds its own fields."""

MIN_HIDDEN_LENGTH = 6
"""Shorter texts would remove ordinary words from records."""

MOST_HIDDEN = 1000
"""The newest secrets are remembered: records are about what happens now."""


_ABOUT: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("about")
_NOTHING: Mapping[str, str] = {}


@contextmanager
def about(*, execution_id: object | None = None, worker_id: object | None = None) -> Iterator[None]:
    """Records inside carry these fields, beside those of the context around it."""
    given = {"execution_id": execution_id, "worker_id": worker_id}
    added = {name: str(value) for name, value in given.items() if value is not None}
    token = _ABOUT.set({**fields_of_context(), **added})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def fields_of_context() -> Mapping[str, str]:
    """The fields of a record that is written here."""
    return _ABOUT.get(_NOTHING)


def fields(**values: object) -> dict[str, object]:
    """`values` as fields of one record: `log.info("migrated", extra=fields(revisions=…))`."""
    return {FIELDS: values}


def unrelated() -> contextvars.Context:
    """The context for a task that executions share: its records are not about the one that starts it."""
    return contextvars.Context()


class HiddenSecrets:
    """Texts that are replaced in every log record, also where JSON or Python writes them."""

    def __init__(self) -> None:
        self._forms: dict[str, None] = {}

    def hide(self, *secrets: str) -> None:
        """Adds secrets; forgets the oldest beyond a limit."""
        for secret in secrets:
            if len(secret) < MIN_HIDDEN_LENGTH:
                continue
            for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]):
                self._forms.pop(form, None)
                self._forms[form] = None
        while len(self._forms) > MOST_HIDDEN:
            del self._forms[next(iter(self._forms))]

    def forms(self) -> tuple[str, ...]:
        """Every spelling of the secrets, the oldest first."""
        return tuple(self._forms)


SECRETS = HiddenSecrets()
"""Those of this process, whose records all go one way."""
