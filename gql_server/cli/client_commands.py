"""The client commands: what each asks the server and prints.

Every function returns the exit code.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from gql_server.cli import graphql_client
from gql_server.cli.errors import CliError, ExitCode, wrong_use
from gql_server.cli.views import tables
from gql_server.cli.views.conversation_view import usage_text
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import LiveView, final_line, new_console
from gql_server.documents import cli_documents

Data = dict[str, Any]

REFUSALS = {
    "EXECUTION_ALREADY_ENDED": ExitCode.NOT_REACHED,
    "EXECUTION_NOT_OURS": ExitCode.NOT_REACHED,
    "NOTHING_TO_RERUN": ExitCode.NOT_REACHED,
    "SECRET_KEY": ExitCode.SERVER_FAILED,
    "BENCHMARKS_DIRECTORY": ExitCode.SERVER_FAILED,
}
"""Codes of the contract that are no wrong use."""


async def sync(url: str, *, dry_run: bool, as_json: bool) -> int:
    console = new_console()
    with console.status("Reading the benchmarks directory …") if not as_json else nullcontext():
        result = success(
            await graphql_client.ask(url, cli_documents.SYNC, {"input": {"dryRun": dry_run}}),
            "syncBenchmarks",
        )
    if as_json:
        for file in result["files"]:
            emit(file)
        emit({key: value for key, value in result.items() if key not in ("files", "__typename")})
    else:
        tables.print_sync(console, result)
        if dry_run:
            console.print("A dry run: nothing was written")
    return 1 if result["failed"] else 0


async def run(url: str, request: Data, *, watching: bool, as_json: bool) -> int:
    result = success(await graphql_client.ask(url, cli_documents.RUN, {"input": request}), "runBenchmark")
    execution: Data = result["execution"]
    if watching:
        return await watch(url, execution["id"], as_json=as_json)
    if as_json:
        emit(execution)
    else:
        new_console().print(f"{execution['id']} is {execution['status']}; `reev-gql watch` follows it")
    return 0


async def watch(url: str, execution_id: str, *, as_json: bool) -> int:
    """Prints every event as it arrives, then how it ended."""
    # Asked first, because a wrong id, address or token is not a lost connection to wait for.
    if (await graphql_client.ask(url, cli_documents.STATUS, {"id": execution_id}))["execution"] is None:
        raise wrong_use(f"there is no execution {execution_id}")
    with LiveView(new_console(), as_json=as_json) as view:
        last: Data | None = None
        async for event in graphql_client.events(url, execution_id, view.connection_lost):
            last = event
            emit(
                {key: value for key, value in event.items() if key != "execution"}
            ) if as_json else view.show(event)
    if last is None:
        raise CliError(f"no event of execution {execution_id} arrived", ExitCode.SERVER_FAILED)
    execution: Data = last["execution"]
    if as_json:
        emit({"kind": "RESULT", **execution})
    else:
        console = new_console()
        if execution["usage"] is not None:
            console.print(usage_text(execution["usage"]), soft_wrap=True)
        console.print(final_line(execution))
    return 0 if execution["status"] == "SUCCEEDED" else 1


async def stop(url: str, execution_id: str, *, as_json: bool) -> int:
    result = success(await graphql_client.ask(url, cli_documents.STOP, {"id": execution_id}), "stopExecution")
    execution: Data = result["execution"]
    if as_json:
        emit(execution)
    else:
        new_console().print(f"{execution['id']} is {execution['status']}")
    return 0


async def list_(url: str, what: str, first: int, *, as_json: bool) -> int:
    document = {
        "executions": cli_documents.EXECUTIONS,
        "benchmarks": cli_documents.BENCHMARKS,
        "agents": cli_documents.AGENTS,
    }[what]
    data = await graphql_client.ask(url, document, {} if what == "agents" else {"first": first})
    rows: list[Data] = data[what] if what == "agents" else data[what]["nodes"]
    if as_json:
        for row in rows:
            emit(row)
    else:
        tables.print_rows(new_console(), what, rows)
    return 0


async def show(url: str, execution_id: str, *, as_json: bool) -> int:
    execution: Data | None = (await graphql_client.ask(url, cli_documents.EXECUTION, {"id": execution_id}))[
        "execution"
    ]
    if execution is None:
        raise wrong_use(f"there is no execution {execution_id}")
    if as_json:
        emit(execution)
    else:
        tables.print_execution(new_console(), execution)
    return 0


def success(data: Data, field: str) -> Data:
    """The success of a result union. Raises CliError for the other members."""
    result: Data = data[field]
    if "code" in result:
        code = REFUSALS.get(result["code"], ExitCode.WRONG_USE)
        raise CliError(f"{result['message']} ({result['code']})", code)
    return result
