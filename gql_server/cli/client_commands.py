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
from gql_server.cli.views.texts import printable
from gql_server.documents import cli_documents
from runner_bridge.formats.session_uuids import uuid_of_session

Data = dict[str, Any]

REFUSALS = {
    "EXECUTION_ALREADY_ENDED": ExitCode.NOT_REACHED,
    "EXECUTION_NOT_OURS": ExitCode.NOT_REACHED,
    "NOTHING_TO_RERUN": ExitCode.NOT_REACHED,
    "SECRET_KEY": ExitCode.SERVER_FAILED,
    "BENCHMARKS_DIRECTORY": ExitCode.SERVER_FAILED,
    "BENCHMARK_IN_FILE": ExitCode.NOT_REACHED,
    "BENCHMARK_FILE_NOT_WRITTEN": ExitCode.SERVER_FAILED,
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
    """Names the execution at once, then follows it if that is asked for."""
    result = success(await graphql_client.ask(url, cli_documents.RUN, {"input": request}), "runBenchmark")
    execution: Data = result["execution"]
    if as_json:
        emit({"kind": "STARTED", **execution} if watching else execution)
    elif watching:
        new_console().print(execution["id"])
    else:
        new_console().print(f"{execution['id']} is {execution['status']}; `reev-gql watch` follows it")
    return await watch(url, execution["id"], as_json=as_json) if watching else 0


async def watch(url: str, execution: str, *, as_json: bool) -> int:
    """Prints every event as it arrives, then how it ended."""
    execution_id = _id_of(execution)
    # Asked first, because a wrong id, address or token is not a lost connection to wait for.
    if (await graphql_client.ask(url, cli_documents.STATUS, {"id": execution_id}))["execution"] is None:
        raise _unknown(execution)
    with LiveView(new_console(), as_json=as_json) as view:
        last: Data | None = None
        async for event in graphql_client.events(url, execution_id, view.connection_lost):
            last = event
            emit(
                {key: value for key, value in event.items() if key != "execution"}
            ) if as_json else view.show(event)
    if last is None:
        raise CliError(f"no event of execution {execution_id} arrived", ExitCode.SERVER_FAILED)
    ended: Data = last["execution"]
    if as_json:
        emit({"kind": "RESULT", **ended})
    else:
        console = new_console()
        if ended["usage"] is not None:
            console.print(usage_text(ended["usage"]), soft_wrap=True)
        console.print(final_line(ended))
    return 0 if ended["status"] == "SUCCEEDED" else 1


async def stop(url: str, execution: str, *, as_json: bool) -> int:
    answer = await graphql_client.ask(url, cli_documents.STOP, {"id": _id_of(execution)})
    if answer["stopExecution"].get("code") == "EXECUTION_NOT_FOUND":
        raise _unknown(execution)
    stopped: Data = success(answer, "stopExecution")["execution"]
    if as_json:
        emit(stopped)
    else:
        new_console().print(f"{stopped['id']} is {stopped['status']}")
    return 0


async def show(url: str, execution: str, *, as_json: bool) -> int:
    answer = await graphql_client.ask(url, cli_documents.EXECUTION, {"id": _id_of(execution)})
    found: Data | None = answer["execution"]
    if found is None:
        raise _unknown(execution)
    if as_json:
        emit(found)
    else:
        tables.print_execution(new_console(), found)
    return 0


def _id_of(execution: str) -> str:
    """Its id, of an execution that is named by its id or by that of its session."""
    return str(uuid_of_session(execution))


def _unknown(execution: str) -> CliError:
    return wrong_use(f"there is no execution {printable(execution)[:200]}: `reev-gql list` lists them")


def success(data: Data, field: str) -> Data:
    """The success of a result union. Raises CliError for the other members."""
    result: Data = data[field]
    if "code" in result:
        code = REFUSALS.get(result["code"], ExitCode.WRONG_USE)
        raise CliError(f"{result['message']} ({result['code']})", code)
    return result
