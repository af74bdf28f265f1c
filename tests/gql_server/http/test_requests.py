"""What comes over HTTP: each request that cannot be answered gets the status and the headers that say why."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import zlib
from typing import Any

import pytest
from yarl import URL

from gql_server.http import body
from gql_server.http.body import MAX_BODY_BYTES
from tests.helpers.site import MakeSite, Site

JSON = {"Content-Type": "application/json"}
HEALTH = "{ health { status } }"
HEALTH_BODY = json.dumps({"query": HEALTH}).encode()
SUBSCRIPTION = "subscription { executionUpdates { cursor } }"
MUTATION = "mutation { syncBenchmarks { __typename } }"
OLD, NEW = "application/json", "application/graphql-response+json"


async def raw(site: Site, body: Any, headers: dict[str, str] = JSON, method: str = "POST") -> tuple[int, Any]:
    async with site.client.request(method, f"{site.base}/graphql", data=body, headers=headers) as response:
        text = await response.read()
        assert "INTERNAL" not in text.decode()
        return response.status, json.loads(text) if text else None


NO_REQUESTS = [
    *(b"", b"{", b"null", b"5", b'"x"', b"[]", b"true", b'[{"query": "{ health { status } }"}]', b"{}"),
    *(
        b"\xff\xfe{}",
        b'{"query": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"query": NaN}',
        b"{'query': 1}",
    ),
    *(b'{"query": 5}', b'{"query": {}}', b'{"query": null}', b'{"query": ""}', b'{"query": "\\ud800"}'),
    *(b'{"query": "{ x", "variables": []}', b'{"query": "{ x }", "variables": 1}', b'{"variables": {}}'),
    *(b'{"query": "{ x }", "operationName": 3}', b'{"query": "{ x }", "extensions": 1}'),
    *(b'{"query": "{ x }", "variables": {"a": ' + b"9" * 5000 + b"e9999}}", b'{"query": "{ x }"} {}'),
    '{"query": "{ x }"}'.encode("utf-16"),
    '{"query": "{ x }"}'.encode("utf-32"),
]


async def test_a_body_that_is_no_request_is_told_so(site: Site) -> None:
    for accept in (OLD, NEW):
        for data in NO_REQUESTS:
            status, answer = await raw(site, data, JSON | {"Accept": accept})
            assert status == 400, data[:80]
            assert (
                answer["errors"][0]["message"] and answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
            )
            assert "data" not in answer


REFUSED = [
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ({"query": "{ noSuchField }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "{ executions(first: 99999999999999999999) { nodes { id } } }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": '{ executions(filter: {since: "x"}) { nodes { id } } }'}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query A { health { status } }", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
    ({"query": "query A { a: __typename } query B { b: __typename }"}, "OPERATION_RESOLUTION_FAILURE"),
    ({"query": "fragment A on Query { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query ($id: ID!) { execution(id: $id) { id } }"}, "BAD_USER_INPUT"),
    (
        {"query": "query ($n: Int) { executions(first: $n) { nodes { id } } }", "variables": {"n": 2**31}},
        "BAD_USER_INPUT",
    ),
    (
        {"query": "query ($n: Int) { executions(first: $n) { nodes { id } } }", "variables": {"n": 10**40}},
        "BAD_USER_INPUT",
    ),
    ({"documentId": "sha256:00"}, "PERSISTED_QUERY_NOT_FOUND"),
]


async def test_what_graphql_refuses_is_400_for_new_clients_and_200_for_old_ones(site: Site) -> None:
    for accept, expected in ((OLD, 200), (NEW, 400)):
        for fields, code in REFUSED:
            status, answer = await raw(site, json.dumps(fields).encode(), JSON | {"Accept": accept})
            assert [error["extensions"]["code"] for error in answer["errors"]] == [code], fields
            assert (status, "data" in answer) == (expected, False)


async def test_an_error_of_a_field_is_no_error_of_the_request(site: Site) -> None:
    for accept in (OLD, NEW):
        async with site.client.post(
            f"{site.base}/graphql",
            json={"query": '{ execution(id: "../../etc/passwd") { id } }'},
            headers={"Accept": accept},
        ) as response:
            assert (response.status, response.content_type) == (200, accept)
            answer = await response.json(content_type=None)
        (error,) = answer["errors"]
        assert (error["extensions"]["code"], error["path"]) == ("INVALID_ID", ["execution"])
        assert answer["data"] == {"execution": None}


async def test_a_page_too_large_keeps_its_code(site: Site) -> None:
    _, answer = await site.post("{ executions(first: 10000) { nodes { id } } }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["PAGE_SIZE"]


async def test_text_that_databases_dislike_is_only_text(site: Site) -> None:
    for text in ("\u0000", "a\u0000b", "\u202e", "😀", "'; DROP TABLE executions; --", "x" * 100_000):
        fields = {"query": "query ($id: ID!) { benchmark(id: $id) { id } }", "variables": {"id": text}}
        status, answer = await raw(site, json.dumps(fields).encode())
        assert status == 200
        assert answer.get("data") in ({"benchmark": None}, None)


async def test_more_parameters_than_needed_do_no_harm(site: Site) -> None:
    fields: dict[str, Any] = {
        "query": HEALTH,
        "variables": None,
        "operationName": None,
        "extensions": {"a": [{}]},
        "other": 1,
    }
    assert (await raw(site, json.dumps(fields).encode()))[0] == 200
    fields = {"query": HEALTH, "operationName": "", "variables": {"nobody": "asks"}}
    assert (await raw(site, json.dumps(fields).encode()))[0] == 200


async def test_a_byte_order_mark_is_ignored(site: Site) -> None:
    assert (await raw(site, b"\xef\xbb\xbf" + HEALTH_BODY))[0] == 200
    document = json.dumps({"query": "\ufeff" + HEALTH}).encode()
    assert (await raw(site, document))[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
async def test_too_large_a_body_is_refused(site: Site, chunked: bool) -> None:
    async def pieces() -> Any:
        for _ in range(MAX_BODY_BYTES // 65536 + 2):
            yield b" " * 65536

    data = pieces() if chunked else io.BytesIO(b" " * (MAX_BODY_BYTES + 1))
    status, answer = await raw(site, data)
    assert (status, answer["errors"][0]["extensions"]["code"]) == (413, "CONTENT_TOO_LARGE")


async def test_a_compressed_body_is_read_and_a_bomb_is_not(site: Site) -> None:
    for encoding, compress in (("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)):
        status, _ = await raw(site, compress(HEALTH_BODY), JSON | {"Content-Encoding": encoding})
        assert status == 200
    bomb = gzip.compress(b" " * 10 * MAX_BODY_BYTES)
    assert len(bomb) < MAX_BODY_BYTES
    assert (await raw(site, bomb, JSON | {"Content-Encoding": "gzip"}))[0] == 413
    assert (await raw(site, HEALTH_BODY, JSON | {"Content-Encoding": "gzip"}))[0] == 400
    async with site.client.post(
        f"{site.base}/graphql", data=HEALTH_BODY, headers=JSON | {"Content-Encoding": "compress"}
    ) as response:
        assert response.status == 415
        assert "gzip" in response.headers["Accept-Encoding"]


async def test_a_body_that_never_comes_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.05)

    async def pieces() -> Any:
        yield b'{"query":'
        await asyncio.Event().wait()

    status, answer = await raw(site, pieces())
    assert (status, answer["errors"][0]["extensions"]["code"]) == (408, "REQUEST_TIMEOUT")


OTHER_KINDS = [
    *("text/plain", "application/jsonp", "x-application/json", "", "text/html", "application/graphql"),
    *("application/jsonx", "text/plain,application/json", "application/json, text/plain", "application/*"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*/*"),
    *(
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/graphql-response+json",
    ),
]


async def test_other_media_types_are_refused(site: Site) -> None:
    for kind in OTHER_KINDS:
        status, answer = await raw(site, HEALTH_BODY, {"Content-Type": kind})
        assert (status, answer["errors"][0]["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), kind


async def test_a_charset_is_no_other_media_type(site: Site) -> None:
    for kind in (
        "Application/JSON; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; a=b",
    ):
        assert (await raw(site, HEALTH_BODY, {"Content-Type": kind}))[0] == 200, kind


async def test_who_accepts_nothing_of_ours_is_told_so(site: Site) -> None:
    for accept in ("text/html", "application/xml;q=1", "application/json;q=0", "*/*;q=0"):
        status, answer = await raw(site, HEALTH_BODY, JSON | {"Accept": accept})
        assert (status, answer["errors"][0]["extensions"]["code"]) == (406, "NOT_ACCEPTABLE"), accept


async def test_other_methods_are_refused_with_those_that_are_not(make_site: MakeSite) -> None:
    open_site, closed_site = await make_site(), await make_site(queries_by_get=False)
    for site, method, params, allow in (
        (open_site, "PUT", {"query": HEALTH}, "GET, POST, OPTIONS"),
        (open_site, "DELETE", {}, "GET, POST, OPTIONS"),
        (open_site, "PATCH", {"query": HEALTH}, "GET, POST, OPTIONS"),
        (open_site, "HEAD", {"query": HEALTH}, "GET, POST, OPTIONS"),
        (open_site, "GET", {"query": MUTATION}, "POST"),
        (closed_site, "GET", {"query": HEALTH}, "POST, OPTIONS"),
    ):
        async with site.client.request(method, f"{site.base}/graphql", params=params) as response:
            assert (response.status, response.headers.get("Allow")) == (405, allow), method
    async with open_site.client.options(f"{open_site.base}/graphql") as response:
        assert (response.status, response.headers["Allow"]) == (204, "GET, POST, OPTIONS")


async def test_a_query_by_get_is_read_from_the_address(site: Site) -> None:
    document = "query A($n: Int) { executions(first: $n) { nodes { id } } } query B { health { status } }"
    for params, expected in (
        ({"query": HEALTH, "variables": "", "operationName": "", "extensions": ""}, 200),
        ({"query": document, "operationName": "A", "variables": '{"n": 3}'}, 200),
        ({"query": document, "operationName": "B"}, 200),
        ({"query": document}, 400),
        ({"query": HEALTH, "variables": "{"}, 400),
        ({"query": HEALTH, "variables": "[]"}, 400),
        ({"query": HEALTH, "extensions": "5"}, 400),
        ({}, 400),
        ({"query": ""}, 400),
        ([("query", HEALTH), ("query", "{ __typename }")], 400),
    ):
        url = f"{site.base}/graphql"
        async with site.client.get(url, params=params, headers={"Accept": NEW}) as response:
            assert response.status == expected, params
    async with site.client.get(URL(f"{site.base}/graphql?query=%FF", encoded=True)) as response:
        assert response.status == 400


async def test_a_subscription_over_plain_http_is_not_acceptable(site: Site) -> None:
    for accept in ({}, {"Accept": OLD}, {"Accept": NEW}, {"Accept": "*/*"}):
        status, answer = await raw(site, json.dumps({"query": SUBSCRIPTION}).encode(), JSON | accept)
        assert status == 406
        assert "websocket" in answer["errors"][0]["message"]


async def test_answers_are_not_kept_by_caches(site: Site) -> None:
    async with site.client.post(f"{site.base}/graphql", json={"query": HEALTH}) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Vary"] == "Accept"


async def test_introspection_and_suggestions_are_settings(make_site: MakeSite) -> None:
    open_site, closed_site = await make_site(), await make_site(introspection=False, suggestions=False)
    query = "{ __schema { queryType { name } } }"
    _, open_answer = await open_site.post(query)
    _, closed_answer = await closed_site.post(query)
    assert open_answer["data"]["__schema"]["queryType"]["name"] == "Query"
    assert closed_answer["errors"] and not closed_answer.get("data")
    for mistyped in ("{ helth { status } }", "{ executions(frist: 1) { nodes { id } } }"):
        _, helpful = await open_site.post(mistyped)
        _, silent = await closed_site.post(mistyped)
        assert "Did you mean" in helpful["errors"][0]["message"]
        assert "Did you mean" not in json.dumps(silent)
