"""Real clients, as people use them: each asks, watches, leaves, and is told what is wrong."""

from __future__ import annotations

import json

import pytest
from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportQueryError

from tests.helpers.node_programs import run_node
from tests.helpers.patience import until
from tests.helpers.site import Site

QUERY = "{ health { __typename status } }"
SUBSCRIPTION = "subscription { executionUpdates { __typename cursor } }"
WRONG = "{ health { __typename noSuchField } }"


@pytest.mark.parametrize("name", ["graphql-ws", "graphql-sse", "urql", "urql-sse", "apollo"])
async def test_a_client_in_javascript_asks_watches_leaves_and_is_told_what_is_wrong(
    site: Site, name: str
) -> None:
    given = {"query": QUERY, "subscription": SUBSCRIPTION, "wrong": WRONG, "events": 1}
    (seen,) = await run_node("clients.mjs", name, f"{site.base}/graphql", json.dumps(given))
    assert seen["query"]["health"]["status"] == "OK"
    assert seen["events"][0]["executionUpdates"]["cursor"]
    assert "noSuchField" in seen["wrong"]
    await until(lambda: site.open_streams == 0)


async def test_gql_in_python_asks_watches_leaves_and_is_told_what_is_wrong(site: Site) -> None:
    url = f"{site.base}/graphql"
    async with Client(transport=AIOHTTPTransport(url=url)) as session:
        answer = await session.execute(GraphQLRequest(QUERY))
        assert answer["health"]["status"] == "OK"
        with pytest.raises(TransportQueryError, match="noSuchField"):
            await session.execute(GraphQLRequest(WRONG))
    transport = AIOHTTPWebsocketsTransport(
        url=url.replace("http", "ws", 1),
        subprotocols=[AIOHTTPWebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    async with Client(transport=transport) as session:
        items = session.subscribe(GraphQLRequest(SUBSCRIPTION))
        assert (await anext(items))["executionUpdates"]["cursor"]
        await items.aclose()
        with pytest.raises(TransportQueryError, match="noSuchField"):
            await session.execute(GraphQLRequest(WRONG))
    await until(lambda: site.open_streams == 0)
