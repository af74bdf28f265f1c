"""What scanners of GraphQL servers look for, as graphql-cop lists it: nothing above informational is found.

Introspection, GraphiQL, suggestions and queries by GET are on for people on their own machine; each is a
setting, and the last test looks at a server that has them off.
"""

from __future__ import annotations

import json
from typing import Any

from tests.helpers.site import MakeSite, Site

NAME = "{ __typename }"
MUTATION = "mutation { syncBenchmarks { __typename } }"


async def status_of(site: Site, method: str = "POST", **more: Any) -> tuple[int, str]:
    async with site.client.request(method, f"{site.base}/graphql", **more) as response:
        return response.status, await response.text()


def refused(text: str) -> bool:
    return "LIMIT_EXCEEDED" in text and "data" not in json.loads(text)


async def test_alias_overloading_is_refused(site: Site) -> None:
    document = "{ " + " ".join(f"alias{n}: __typename" for n in range(101)) + " }"
    assert refused((await status_of(site, json={"query": document}))[1])


async def test_array_based_batching_is_refused(site: Site) -> None:
    assert (await status_of(site, json=[{"query": NAME}] * 10))[0] == 400


async def test_directive_overloading_is_refused(site: Site) -> None:
    document = "{ __typename " + " @include(if: true)" * 51 + " }"
    assert refused((await status_of(site, json={"query": document}))[1])


async def test_directive_overloading_in_graphql_cops_own_form_is_told_once(site: Site) -> None:
    _, text = await status_of(site, json={"query": "query { __typename " + "@aa" * 10 + " }"})
    # Its finding is as many errors as directives.
    [error] = json.loads(text)["errors"]
    assert error["message"] == "Unknown directive '@aa'." and len(error["locations"]) == 10


async def test_graphql_cops_other_forms_find_nothing(site: Site) -> None:
    aliases = "query { " + "".join(f"alias{n}:__typename \n" for n in range(101)) + " }"
    repeated = "query { " + "__typename \n" * 500 + "} "
    circle = (
        "query { __schema { ...A } } fragment A on __Schema { __typename ...B } "
        "fragment B on __Schema { ...A }"
    )
    loop = (
        "query { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } "
        "} } } } } } } } }"
    )
    for document in (aliases, repeated, circle, loop):
        answer = json.loads((await status_of(site, json={"query": document}))[1])
        assert answer["errors"] and "data" not in answer, document[:40]
    batch = [{"query": "query { __typename }"}] * 11
    assert (await status_of(site, json=batch))[0] == 400
    assert (await status_of(site, "GET", params={"query": "mutation {__typename}"}))[0] == 405
    answer = json.loads((await status_of(site, json={"query": "qwerty cop { abc }"}))[1])
    assert "exception" not in answer["errors"][0]["extensions"]
    status, text = await status_of(site, params={"query": "query {__typename}"})
    assert status == 415 and "data" not in json.loads(text)


async def test_field_duplication_is_refused(site: Site) -> None:
    document = "{ " + "__typename " * 500 + "}"
    assert refused((await status_of(site, json={"query": document}))[1])


async def test_circular_introspection_is_refused(site: Site) -> None:
    loop = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"
    _, text = await status_of(site, json={"query": loop})
    assert "Maximum introspection depth" in text


async def test_mutations_by_get_are_refused(site: Site) -> None:
    assert (await status_of(site, "GET", params={"query": MUTATION}))[0] == 405


async def test_posts_that_need_no_preflight_are_refused(site: Site) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        for data in (f"query={NAME}", json.dumps({"query": NAME})):
            assert (await status_of(site, data=data, headers={"Content-Type": kind}))[0] == 415


async def test_tracing_and_debugging_tell_nothing(site: Site) -> None:
    _, text = await status_of(site, json={"query": NAME}, headers={"X-Apollo-Tracing": "1"})
    assert json.loads(text) == {"data": {"__typename": "Query"}}
    for document in ("{", "{ x }", "query { execution(id: 1) }", "\x00"):
        _, text = await status_of(site, json={"query": document})
        for word in ("Traceback", "File ", "stacktrace", "exception", "site-packages", ".py"):
            assert word not in text


async def test_a_deep_or_a_wide_document_is_refused(site: Site) -> None:
    for document in ("{ a " * 100 + "}" * 100, "{ " + "health { status } " * 100 + "}"):
        assert refused((await status_of(site, json={"query": document}))[1])


async def test_no_ide_is_served_at_the_endpoint(site: Site) -> None:
    assert (await status_of(site, "GET", headers={"Accept": "text/html"}))[0] == 406
    for path in ("/playground", "/altair", "/voyager", "/graphql/console", "/v1/graphql"):
        async with site.client.get(f"{site.base}{path}") as response:
            assert response.status == 404


async def test_a_server_can_be_closed_to_the_curious(make_site: MakeSite) -> None:
    site = await make_site(introspection=False, suggestions=False, queries_by_get=False, graphiql=False)
    for document in ("{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'):
        _, text = await status_of(site, json={"query": document})
        assert "data" not in json.loads(text)
    _, text = await status_of(site, json={"query": "{ helth }"})
    assert "Did you mean" not in text
    assert (await status_of(site, "GET", params={"query": NAME}))[0] == 405
    async with site.client.get(f"{site.base}/graphiql") as response:
        assert response.status == 404
    assert (await status_of(site, json={"query": NAME}))[0] == 200


async def test_answers_tell_no_version_of_the_server(site: Site) -> None:
    for path in ("/", "/graphiql", "/graphql", "/healthz", "/static/page.css", "/nothing"):
        async with site.client.get(f"{site.base}{path}") as response:
            assert response.headers["Server"] == "reev-gql"
            assert "X-Powered-By" not in response.headers
