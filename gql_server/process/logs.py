"""Log records: one line each on stderr, escaped, without secrets, with ids as fields.

Records of structlog and of the standard library go the same way; what runner_bridge.log_context binds
(`execution_id`, `worker_id`) is in both, and what it hides is in neither. Text from outside (agents, files,
requests) ends up in records; a newline or an escape sequence in it must not look like a record of ours or
steer a terminal.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from runner_bridge import log_context

REDACTED = "***"

QUIET_LOGGERS = ("aiohttp.access", "alembic", "watchfiles")


def configure_logging(
    level: str, style: Literal["console", "json"], secrets: Iterable[str] = (), *, colors: bool | None = None
) -> None:
    """Sends structlog's and the standard library's records the same way. `secrets` never appear in one."""
    hidden = tuple(secret for secret in secrets if secret)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *shared,
                structlog.stdlib.ExtraAdder(allow=("execution_id", "worker_id")),
                structlog.stdlib.PositionalArgumentsFormatter(),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_execution_of_driver,
                structlog.processors.format_exc_info,
                _redactor(hidden),
                _renderer(style, sys.stderr.isatty() if colors is None else colors),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It repeats the subprotocols that a client asks for; some put their token there.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    # Strawberry logs every error of every request; responses/masking.py logs our own faults, with their id.
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _without_execution_of_driver(_: WrappedLogger, __: str, record: EventDict) -> EventDict:
    """Removes the id of the execution that first needed a connection from the records of the driver."""
    if str(record.get("logger", "")).startswith("asyncpg"):
        record.pop("execution_id", None)
    return record


def _redactor(secrets: tuple[str, ...]) -> Processor:
    def redact(_: WrappedLogger, __: str, record: EventDict) -> Mapping[str, Any]:
        hidden = sorted({*secrets, *log_context.SECRETS.forms()}, key=len, reverse=True)
        return {key: _clean(value, hidden) for key, value in record.items()}

    return redact


def _clean(value: object, secrets: Sequence[str]) -> object:
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    text = str(value)
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def _renderer(style: Literal["console", "json"], colors: bool) -> Processor:
    if style == "json":
        return structlog.processors.JSONRenderer()

    def render(_: WrappedLogger, __: str, record: MutableMapping[str, Any]) -> str:
        when, level, name, event = (record.pop(key, "") for key in ("timestamp", "level", "logger", "event"))
        details = "".join(f" {key}={_escape(value)}" for key, value in record.items())
        line = f"{when} {level:<8}{_escape(event)}{details} [{name}]"
        return f"\x1b[2m{line}\x1b[0m" if colors and level in ("debug", "info") else line

    return render


def _escape(value: object) -> str:
    """On one line, printable."""
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
