"""What the server knows of batches, asked for in pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gql_server.cli import graphql_client
from gql_server.cli.errors import wrong_use
from gql_server.documents import cli_documents

Data = dict[str, Any]

PAGE = 100
"""Executions of one request: the cost limit allows no more with all of their fields."""

BENCHMARKS_PAGE = 200


async def batch(url: str, batch_id: str) -> Data:
    """Counts, figures, and the figures of each agent. Raises CliError."""
    found: Data | None = (await graphql_client.ask(url, cli_documents.BATCH, {"id": batch_id}))["batch"]
    if found is None:
        raise wrong_use(f"there is no batch {batch_id}")
    return found


async def executions(url: str, batch_id: str) -> tuple[list[Data], str]:
    """All of the batch by agent, benchmark and trial, and the cursor to follow it from before they were read."""
    found: list[Data] = []
    variables: Data = {"id": batch_id, "first": PAGE}
    cursor = ""
    while True:
        answer = await graphql_client.ask(url, cli_documents.BATCH_EXECUTIONS, variables)
        if answer["batch"] is None:
            raise wrong_use(f"there is no batch {batch_id}")
        page = answer["batch"]["executions"]
        cursor = cursor or page["updatesCursor"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables["after"] = page["pageInfo"]["endCursor"]
    found.sort(key=lambda execution: (execution["agent"], execution["benchmarkId"], execution["trial"] or 0))
    return found, cursor


def revisions_of(executions: Iterable[Data]) -> dict[str, int | None]:
    """Benchmarks and the revisions that were executed."""
    return {each["benchmarkId"]: each["benchmarkRevision"] for each in executions}


async def matching_benchmarks(url: str, filter: Data) -> dict[str, int | None]:
    """Ids and revisions of all benchmarks that match."""
    found: dict[str, int | None] = {}
    variables: Data = {"first": BENCHMARKS_PAGE, "filter": filter}
    while True:
        page = (await graphql_client.ask(url, cli_documents.BENCHMARK_IDS, variables))["benchmarks"]
        found |= {node["id"]: node["revision"] for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        variables["after"] = page["pageInfo"]["endCursor"]
