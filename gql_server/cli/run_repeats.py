"""The command `run` with `--repeats`: a batch of one benchmark, its ends as they come, and its figures."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from rich.text import Text

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import ENDED, final_line, new_console
from gql_server.documents import cli_documents

Data = dict[str, Any]


async def run(url: str, request: Data, *, watching: bool, as_json: bool) -> int:
    """Exit code 0 only if all executions SUCCEEDED, where they are watched."""
    answer = await graphql_client.ask(url, cli_documents.RUN_MANY, {"input": request})
    batch: Data = success(answer, "runBenchmarks")["batch"]
    if watching:
        return await _watch(url, batch, as_json=as_json)
    if as_json:
        emit({key: value for key, value in batch.items() if key != "executions"})
    else:
        new_console().print(f"{batch['id']} is a batch of {batch['size']} executions")
    return 0


async def _watch(url: str, batch: Data, *, as_json: bool) -> int:
    console = new_console()
    status = console.status(f"0 of {batch['size']} have ended") if not as_json else None
    with status or nullcontext():
        cursor = batch["executions"]["updatesCursor"]
        async for update in graphql_client.batch_updates(url, batch["id"], cursor):
            execution: Data = update["execution"]
            if update["event"]["status"] not in ENDED:
                continue
            if as_json:
                emit(execution)
            else:
                console.print(Text(f"trial {execution['trial']}  ").append_text(final_line(execution)))
            if status is not None:
                status.update(f"{update['progress']['ended']} of {batch['size']} have ended")
    ended: Data = (await graphql_client.ask(url, cli_documents.BATCH, {"id": batch["id"]}))["batch"]
    if as_json:
        emit({"kind": "RESULT", **ended})
    else:
        console.print(figures_line(ended))
    return 0 if ended["progress"]["succeeded"] == ended["size"] else 1


def figures_line(batch: Data) -> str:
    """How many attempts were solved, and how sure the rate is."""
    figures = batch["figures"]
    attempts, left_out = figures["attempts"], batch["progress"]["ended"] - figures["attempts"]
    parts = [f"solved {figures['solved']} of {attempts} attempts"]
    if (interval := figures["solveRateInterval"]) is not None:
        low, high = (round(100 * end) for end in (interval["low"], interval["high"]))
        parts.append(f"{round(100 * figures['solveRate'])} %, the true rate is between {low} and {high} %")
    if figures["meanComputedScore"] is not None:
        parts.append(f"mean score {figures['meanComputedScore']:.3f}")
    if left_out:
        parts.append(f"{left_out} {'does' if left_out == 1 else 'do'} not count for the agent")
    return "; ".join(parts)
