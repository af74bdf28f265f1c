"""`batches list|show|stop`, `leaderboard` and `compare`: what each asks the server and prints.

Every coroutine returns the exit code.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success
from gql_server.cli.errors import wrong_use
from gql_server.cli.evaluations import batch_data, tables
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.documents import cli_documents

Data = dict[str, Any]

LARGEST_PAGE = 200


async def list_batches(url: str, first: int, filter: Data, *, as_json: bool) -> int:
    answer = await graphql_client.ask(url, cli_documents.BATCHES, {"first": first, "filter": filter})
    nodes: list[Data] = answer["batches"]["nodes"]
    if as_json:
        for node in nodes:
            emit(node)
    elif nodes:
        tables.print_batches(new_console(), nodes)
    else:
        new_console().print(
            "There are no such batches." if any(filter.values()) else "There are no batches yet."
        )
    return 0


async def show_batch(url: str, batch_id: str, *, as_json: bool) -> int:
    batch = await batch_data.batch(url, batch_id)
    emit(batch) if as_json else tables.print_batch(new_console(), batch)
    return 0


async def stop_batch(url: str, batch_id: str, *, as_json: bool) -> int:
    answer = await graphql_client.ask(url, cli_documents.STOP_BATCH, {"id": batch_id})
    result = success(answer, "stopBatch")
    if as_json:
        emit({"id": batch_id, "stopped": result["stopped"], "stopping": result["stopping"]})
    else:
        tables.print_stopped(new_console(), result)
    return 0


async def leaderboard(url: str, filter: Data, order: Data, first: int, *, as_json: bool) -> int:
    variables = {"filter": filter, "orderBy": order, "first": first}
    found: Data = (await graphql_client.ask(url, cli_documents.LEADERBOARD, variables))["leaderboard"]
    if as_json:
        for entry in found["entries"]:
            emit(entry)
        return 0
    console = new_console()
    if not found["entries"]:
        console.print("No agent has attempts there.")
        return 0
    tables.print_entries(console, found["entries"])
    if (more := found["totalCount"] - len(found["entries"])) > 0:
        console.print(f"And {more} more; --first shows them.")
    return 0


async def compare(url: str, baseline: str, candidate: str, within: Data, *, as_json: bool) -> int:
    """0 whatever the verdict: nobody asked for one of them."""
    sets = {
        "baseline": await attempt_set(url, baseline) | within,
        "candidate": await attempt_set(url, candidate) | within,
    }
    found: Data = (await graphql_client.ask(url, cli_documents.COMPARE, sets))["compareAttempts"]
    emit(found) if as_json else tables.print_comparison(new_console(), found)
    return 0


async def attempt_set(url: str, text: str) -> Data:
    """A batch by its id, else an agent, with the beginning of a settings hash after `@`. Raises CliError."""
    with suppress(ValueError):
        return {"batchIds": [str(uuid.UUID(text))]}
    agent, at, beginning = text.rpartition("@")
    if not at:
        return {"agents": [text]}
    variables = {"filter": {"agents": [agent]}, "orderBy": {"field": "AGENT"}, "first": LARGEST_PAGE}
    found: Data = (await graphql_client.ask(url, cli_documents.LEADERBOARD, variables))["leaderboard"]
    known = [entry["settingsHash"] for entry in found["entries"] if entry["settingsHash"]]
    fitting = [each for each in known if beginning and each.startswith(beginning)]
    if len(fitting) != 1:
        there_are = ", ".join(known) or "none"
        raise wrong_use(
            f"{len(fitting)} settings of {agent!r} begin with {beginning!r}; there are {there_are}"
        )
    return {"agents": [agent], "settingsHashes": fitting}
