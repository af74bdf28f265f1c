"""Log records: one line each on stderr, escaped, without secrets, with ids as fields.

Our records and those of libraries go the same way; what runner_bridge.log_context binds (`execution_id`,
`worker_id`) is in both, and what it hides is in neither. Text from outside (agents, files, requests) ends up in
records; a newline or an escape sequence in it must not look like a record of ours or steer a terminal.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from runner_bridge import log_context

REDACTED = "***"

QUIET_LOGGERS = ("aiohttp.access", "alembic", "watchfiles")

IDS = ("execution_id", "worker_id")
"""Fields that our records may have without `log_context.fields`."""

Style = Literal["console", "json"]


def configure_logging(
    level: str, style: Style, secrets: Iterable[str] = (), *, colors: bool | None = None
) -> None:
    """Sends all records to stderr. `secrets` never appear in one."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(style, secrets, colors=sys.stderr.isatty() if colors is None else colors))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It repeats the subprotocols that a client asks for; some put their token there.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    # Strawberry logs every error of every request; responses/masking.py logs our own faults, with their id.
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)


class OneLine(logging.Formatter):
    """A record as a line for people, or as an object of JSON."""

    def __init__(self, style: Style, secrets: Iterable[str], *, colors: bool) -> None:
        super().__init__()
        self._line = _json if style == "json" else _colored if colors else _plain
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        hidden = sorted({*self._secrets, *log_context.SECRETS.forms()}, key=len, reverse=True)
        return self._line({name: _clean(value, hidden) for name, value in self._fields(record).items()})

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        fields: dict[str, object] = {
            **log_context.fields_of_context(),
            **{name: value for name, value in vars(record).items() if name in IDS},
            **vars(record).get(log_context.FIELDS, {}),
        }
        if record.name.startswith("asyncpg"):
            # It is that of the execution that first needed the connection.
            fields.pop("execution_id", None)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        when = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="microseconds")
        return {
            "event": record.getMessage(),
            **fields,
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": when.replace("+00:00", "Z"),
        }


def _clean(value: object, secrets: Sequence[str]) -> object:
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    text = str(value)
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


_json = json.dumps


def _plain(record: Mapping[str, object]) -> str:
    fields = dict(record)
    when, level, name, event = (fields.pop(key) for key in ("timestamp", "level", "logger", "event"))
    details = "".join(f" {key}={_escape(value)}" for key, value in fields.items())
    return f"{when} {level:<8}{_escape(event)}{details} [{name}]"


def _colored(record: Mapping[str, object]) -> str:
    """What tells of no problem is dim."""
    line = _plain(record)
    return f"\x1b[2m{line}\x1b[0m" if record["level"] in ("debug", "info") else line


def _escape(value: object) -> str:
    """On one line, printable."""
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
