"""What an endpoint's error means: by status, or by the code in the body where the status says nothing."""

from __future__ import annotations

import datetime as dt
import json
import re
import ssl
from collections.abc import Mapping
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from runner_bridge.local_runner.agents.chat import EndpointFailure, FailureKind, member, text_or_none

MAX_MESSAGE = 2_000
_OVERLOADED = 529
_STATUS_OF_CODE = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "timeout_error": 408,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "invalid_model": 404,
    "api_error": 500,
    "server_error": 500,
    "overloaded_error": _OVERLOADED,
}
_STATUS = re.compile(r"[45][0-9]{2}")
_CONTEXT = re.compile(
    r"context[ _](length|window|size)|maximum context|prompt is too long|too many (input )?tokens", re.I
)
_FILTERED = re.compile(r"content[ _]?(filter|policy)|safety (filter|system)|sensitive content", re.I)
_BAD_KEY = re.compile(r"api key not valid", re.I)
_NO_PATH = re.compile(r"unexpected endpoint", re.I)
_NO_CREDIT = frozenset({"insufficient_quota", "1113"})
"""Codes of a 429 that will not pass: OpenAI's, and z.ai's."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def failure_of(status: int, body: Any) -> EndpointFailure:
    """The failure that an answer with this status and this JSON body reports; `body` is None for other bodies."""
    # Gemini's errors are lists of one.
    body = body[0] if isinstance(body, list) and body else body
    error = member(body, "error") or body
    message = _message(error)
    codes = [text for text in (member(error, "code"), member(error, "type"), member(error, "status")) if text]
    effective = _effective_status(status, codes)
    kind, is_passing = _kind(effective, " ".join([*map(str, codes), message]))
    if not _NO_CREDIT.isdisjoint(map(str, codes)):
        is_passing = False
    said = f": {message}" if message else ""
    return EndpointFailure(
        kind, f"{_WORDS[kind]} (HTTP {status}){said}", status=effective, is_passing=is_passing
    )


_WORDS = {
    FailureKind.AUTH: "the endpoint does not accept the API key",
    FailureKind.NOT_FOUND: "the endpoint does not know this path or model",
    FailureKind.RATE_LIMITED: "the endpoint takes no more requests just now",
    FailureKind.TIMEOUT: "the endpoint gave up",
    FailureKind.UNREACHABLE: "the endpoint failed",
    FailureKind.BAD_ANSWER: "the endpoint rejects the request",
    FailureKind.CONTEXT_LENGTH: "the conversation is longer than the model reads",
    FailureKind.REFUSED: "the endpoint's content filter refuses the request",
}


def _kind(status: int, said: str) -> tuple[FailureKind, bool]:
    """The kind, and whether the same request may succeed later."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.PAYMENT_REQUIRED:
            return FailureKind.AUTH, False
        case HTTPStatus.NOT_FOUND:
            return FailureKind.NOT_FOUND, False
        case HTTPStatus.TOO_MANY_REQUESTS | 529:
            return FailureKind.RATE_LIMITED, True
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.GATEWAY_TIMEOUT:
            return FailureKind.TIMEOUT, True
        case _ if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or _CONTEXT.search(said):
            return FailureKind.CONTEXT_LENGTH, False
        case _ if status == HTTPStatus.CONFLICT or status >= 500:
            return FailureKind.UNREACHABLE, True
        case _ if _BAD_KEY.search(said):
            return FailureKind.AUTH, False
        case _ if _NO_PATH.search(said):
            return FailureKind.NOT_FOUND, False
        case _ if _FILTERED.search(said):
            return FailureKind.REFUSED, False
        case _ if "overloaded" in said.lower():
            return FailureKind.RATE_LIMITED, True
        case _:
            return FailureKind.BAD_ANSWER, False


def _effective_status(status: int, codes: list[Any]) -> int:
    """Some endpoints report errors with status 200 or 400, and what happened as a code in the body."""
    for code in codes:
        number = int(code) if _STATUS.fullmatch(str(code)) else _STATUS_OF_CODE.get(str(code), 0)
        if (status < 300 and number) or (status == HTTPStatus.BAD_REQUEST and 400 < number < 500):
            return number
    return status


def _message(error: Any) -> str:
    said = text_or_none(error) or member(error, "message") or member(error, "detail") or ""
    if not isinstance(said, str):
        said = json.dumps(said, ensure_ascii=False)
    if cause := text_or_none(member(member(error, "metadata"), "raw")):
        said = f"{said}: {cause}"  # OpenRouter's own message says only that the provider failed.
    plain = _CONTROL.sub(" ", said)
    return plain if len(plain) <= MAX_MESSAGE else plain[: MAX_MESSAGE - 1] + "…"


def unreachable_reason(error: BaseException) -> str:
    """Why no connection came about or lasted; of a certificate also what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = _CERTIFICATE_ADVICE.get(error.verify_code, _UNKNOWN_ISSUER)
        return f"its certificate is not valid: {error.verify_message.rstrip('.')}; {advice}"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as it should ({error.reason}): does its address begin with http://?"
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return "its address or the API key has a character that HTTP does not allow"
    said = (isinstance(error, OSError) and error.strerror) or str(error)
    return said or type(error).__name__


_UNKNOWN_ISSUER = "if you trust its issuer, name a file with the issuer's certificate in SSL_CERT_FILE"
_OUT_OF_TIME = "renew it, or set the clock of this machine"
_OTHER_NAME = "use the name that it was made for"
_CERTIFICATE_ADVICE = {9: _OUT_OF_TIME, 10: _OUT_OF_TIME, 62: _OTHER_NAME, 64: _OTHER_NAME}
"""By OpenSSL's number for what is wrong with a certificate."""


def retry_after(headers: Mapping[str, str] | Message) -> float | None:
    """The seconds to wait that Retry-After asks for, as a number or a date; None when it says nothing."""
    said = headers.get("Retry-After", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        try:
            date = parsedate_to_datetime(said)
        except (ValueError, TypeError):
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=dt.UTC)
        seconds = (date - dt.datetime.now(dt.UTC)).total_seconds()
    return max(0.0, seconds) if seconds == seconds else None
