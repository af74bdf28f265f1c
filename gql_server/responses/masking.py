"""Masks errors: a client sees everything about its own mistakes and nothing about our faults.

Errors of the request itself (syntax, validation, variables) and errors raised on purpose keep their message
and code. Everything else becomes "Internal error" with an id; the log has the same id and the traceback.
"""

from __future__ import annotations

import logging
import re
import uuid

from graphql import GraphQLError

from runner_bridge.log_context import fields
from schema.contract.errors import public_error

log = logging.getLogger(__name__)

_ECHO = re.compile(r"(?:, found|(?<=cannot represent a non string value)): .*", re.DOTALL)
"""What graphql-core says after "but what I got was"."""

BAD_REQUEST = "BAD_REQUEST"
"""The code of values that their types refuse during execution."""


def masked(error: GraphQLError, code: str = BAD_REQUEST) -> GraphQLError:
    """`error` as the client may see it, with `code` if it has none; what is hidden is logged."""
    original = error.original_error
    if original is None or isinstance(original, GraphQLError) or _is_bad_input(error):
        return _with_code(_without_echo(error), code)
    if public := public_error(original):
        log.warning("request_refused", extra=fields(reason=str(original), path=error.path))
        return _like(error, public.message, public.extensions or {})
    error_id = uuid.uuid4().hex
    log.error("internal_error", extra=fields(error_id=error_id, path=error.path), exc_info=original)
    return _like(error, "Internal error", {"code": "INTERNAL", "errorId": error_id})


def _without_echo(error: GraphQLError) -> GraphQLError:
    """Without the refused value, which may contain an API key."""
    message = _ECHO.sub(".", error.message)
    if message == error.message:
        return error
    return GraphQLError(
        message,
        error.nodes,
        error.source,
        error.positions,
        error.path,
        extensions=error.extensions,
    )


def _with_code(error: GraphQLError, code: str) -> GraphQLError:
    """`error` with `code`, unless it has one."""
    if "code" not in (error.extensions or {}):
        error.extensions = {**(error.extensions or {}), "code": code}
    return error


def _is_bad_input(error: GraphQLError) -> bool:
    """Whether a scalar refused a value: the error has a location in the document and no path."""
    return error.path is None and bool(error.nodes)


def _like(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=extensions)
