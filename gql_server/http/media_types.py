"""Media types: which one a body has, and which one an answer may have. Exact names, never substrings."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

from gql_server.responses.errors import BadRequest
from store.records import record

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"

OFFERED = (GRAPHQL_JSON, JSON)
"""Media types of single answers; of those with equal weight in `Accept` the first is sent."""

MAX_RANGES = 50
"""Media ranges read; browsers send up to ten."""

REMEMBERED_VALUES = 64
"""Of each header: programs send the same ones with every request, and aiohttp bounds their length."""


@record
class Accepted:
    """What a client accepts: the media type of a `single` answer, None if only a stream; whether a `stream`."""

    single: str | None
    stream: bool


@lru_cache(REMEMBERED_VALUES)
def content_type_is_json(values: tuple[str, ...]) -> bool:
    """Whether there is one Content-Type, and it is JSON in UTF-8."""
    if len(values) != 1:
        return False
    media_type, parameters = _split(values[0])
    return media_type == JSON and _is_utf8(parameters)


@lru_cache(REMEMBERED_VALUES)
def negotiate(headers: tuple[str, ...]) -> Accepted:
    """What the Accept headers allow. Raises BadRequest (406) when we have nothing that fits."""
    ranges = _ranges(headers)
    if not ranges:
        return Accepted(JSON, stream=False)
    # Wildcards mean JSON, as before: only clients that name the newer media type get it.
    weights = {name: ranges.get(name, 0.0) for name in OFFERED}
    weights[JSON] = ranges.get(JSON, ranges.get("application/*", ranges.get("*/*", 0.0)))
    best = max(weights.values())
    single = next((name for name in OFFERED if weights[name] == best), None) if best > 0 else None
    stream = ranges.get(EVENT_STREAM, ranges.get("text/*", 0.0))
    if stream > best:
        single = None
    if single is None and stream <= 0:
        raise BadRequest(
            f"Answers are {GRAPHQL_JSON}, {JSON} or, of subscriptions, {EVENT_STREAM}",
            code="NOT_ACCEPTABLE",
            status=HTTPStatus.NOT_ACCEPTABLE,
        )
    return Accepted(single, stream > 0)


def _ranges(headers: Iterable[str]) -> dict[str, float]:
    """Each media range with its weight; what is not written as one is left out."""
    parts = [part for header in headers for part in header.split(",") if part.strip()]
    found: dict[str, float] = {}
    for part in parts[:MAX_RANGES]:
        name, parameters = _split(part)
        if "/" in name and _is_utf8(parameters):
            found[name] = max(found.get(name, 0.0), _weight(parameters.get("q", "1")))
    return found if parts else {}


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _split(text: str) -> tuple[str, dict[str, str]]:
    name, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return name.strip().lower(), parameters


def _is_utf8(parameters: dict[str, str]) -> bool:
    return parameters.get("charset", "utf-8").lower() in ("utf-8", "utf8")
