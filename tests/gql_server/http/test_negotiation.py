"""Accept headers, weights and wildcards: what a client gets."""

from __future__ import annotations

import pytest

from gql_server.http.media_types import EVENT_STREAM, GRAPHQL_JSON, JSON, content_type_is_json, negotiate
from gql_server.responses.errors import BadRequest


@pytest.mark.parametrize(
    ("accept", "single", "stream"),
    [
        ("", JSON, False),
        ("nonsense", JSON, False),
        ("*/*", JSON, False),
        ("application/*", JSON, False),
        (JSON, JSON, False),
        (GRAPHQL_JSON, GRAPHQL_JSON, False),
        ("APPLICATION/GraphQL-Response+JSON; charset=UTF-8", GRAPHQL_JSON, False),
        (f"{JSON}, {GRAPHQL_JSON}", GRAPHQL_JSON, False),
        (f"{GRAPHQL_JSON};q=0.8, {JSON};q=0.9", JSON, False),
        (f"{GRAPHQL_JSON};q=0.9, */*;q=0.1", GRAPHQL_JSON, False),
        (f"{JSON};q=0, */*", GRAPHQL_JSON, None),
        (f"{JSON}; charset=latin-1, {GRAPHQL_JSON};q=0.1", GRAPHQL_JSON, False),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", JSON, False),
        (EVENT_STREAM, None, True),
        (f"{GRAPHQL_JSON}, {JSON}, {EVENT_STREAM}, multipart/mixed", GRAPHQL_JSON, True),
        (f"{JSON};q=0.5, {EVENT_STREAM}", None, True),
        (f"{JSON}, {EVENT_STREAM};q=0", JSON, False),
    ],
)
def test_what_a_client_gets(accept: str, single: str | None, stream: bool | None) -> None:
    if stream is None:
        # JSON is refused by name, and the wildcard stands for nothing else.
        with pytest.raises(BadRequest):
            negotiate((accept,))
        return
    accepted = negotiate((accept,) if accept else ())
    assert (accepted.single, accepted.stream) == (single, stream)


@pytest.mark.parametrize(
    "accept", ["text/html", "*/*;q=0", f"{JSON};q=0", f"{JSON};q=2", f"{JSON};q=x", "a/b/c"]
)
def test_what_is_not_acceptable(accept: str) -> None:
    with pytest.raises(BadRequest) as refused:
        negotiate((accept,))
    assert refused.value.status == 406


def test_several_headers_are_one() -> None:
    assert negotiate(("text/html", GRAPHQL_JSON)).single == GRAPHQL_JSON


def test_a_content_type_is_given_once() -> None:
    assert content_type_is_json(("application/json",))
    assert not content_type_is_json(("application/json", "application/json"))
    assert not content_type_is_json(())
