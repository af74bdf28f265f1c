"""`reev-gql webhooks`: what each command asks the server and prints. Every coroutine returns the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.cli.views.rows import Rows
from gql_server.cli.views.texts import milliseconds, printable
from gql_server.documents import cli_documents

Data = dict[str, Any]


async def add(url: str, address: str, events: Sequence[str], *, as_json: bool) -> int:
    request: Data = {"url": address}
    if events:
        request["events"] = [_in_api(event) for event in events]
    result = await _save(url, request)
    webhook = result["webhook"]
    if as_json:
        emit(webhook | {"secret": result["secret"]})
        return 0
    console = new_console()
    console.print(Text(f"{webhook['id']} is told of {_told(webhook)} at {printable(webhook['url'])}"))
    console.print(Text(f"secret: {result['secret']}"), soft_wrap=True)
    console.print(
        Text(
            f"It is shown this once: the receiver needs it. `reev-gql webhooks test {webhook['id']}`",
            style="dim",
        )
    )
    return 0


async def test(url: str, webhook_id: str, *, as_json: bool) -> int:
    """0 when the receiver accepted the message, else 1."""
    answer = await graphql_client.ask(url, cli_documents.TEST_WEBHOOK, {"input": {"id": webhook_id}})
    result = success(answer, "testWebhook")
    if as_json:
        emit({key: value for key, value in result.items() if key != "__typename"})
        return 0 if result["ok"] else 1
    console = new_console()
    status = "no HTTP answer" if result["httpStatus"] is None else f"HTTP {result['httpStatus']}"
    console.print(Text(f"sent to {printable(result['url'])}"))
    console.print(Text(f"{status} after {milliseconds(result['latencyMs'])}"))
    if result["ok"]:
        console.print(Text("✓ the receiver accepted the message", style="green"))
        return 0
    problem = result["problem"]
    console.print(Text(f"✕ {problem['kind']}: {printable(problem['message'])}", style="red"))
    return 1


async def list_(url: str, *, as_json: bool) -> int:
    webhooks: list[Data] = (await graphql_client.ask(url, cli_documents.WEBHOOKS))["webhooks"]
    if as_json:
        for webhook in webhooks:
            emit(webhook)
        return 0
    console = new_console()
    if not webhooks:
        console.print("There are no webhooks: `reev-gql webhooks add URL` adds one")
        return 0
    table = Rows("id", "url", "told of", "waiting", "state")
    for webhook in webhooks:
        url_, state = Text(printable(webhook["url"])), Text(printable(_state(webhook)))
        table.add_row(webhook["id"], url_, _told(webhook), str(webhook["pending"]), state)
    console.print(table)
    return 0


async def enable(url: str, webhook_id: str, *, as_json: bool) -> int:
    webhook = (await _save(url, {"id": webhook_id}))["webhook"]
    if as_json:
        emit(webhook)
    else:
        new_console().print(Text(f"{webhook['id']} is told of what ends from now on"))
    return 0


async def remove(url: str, webhook_id: str, *, as_json: bool) -> int:
    answer = await graphql_client.ask(url, cli_documents.REMOVE_WEBHOOK, {"input": {"id": webhook_id}})
    removed = success(answer, "deleteWebhook")["id"]
    if as_json:
        emit({"id": removed})
    else:
        new_console().print(Text(f"{removed} is removed"))
    return 0


async def _save(url: str, request: Data) -> Data:
    return success(
        await graphql_client.ask(url, cli_documents.SAVE_WEBHOOK, {"input": request}), "saveWebhook"
    )


def _in_api(event: str) -> str:
    return event.upper().replace(".", "_")


def _told(webhook: Data) -> str:
    return ", ".join(event.lower().replace("_", ".") for event in webhook["events"])


def _state(webhook: Data) -> str:
    if webhook["disabledAt"] is not None:
        return f"disabled at {webhook['disabledAt']}: {webhook['lastError']}"
    if webhook["failingSince"] is not None:
        return f"fails since {webhook['failingSince']}: {webhook['lastError']}"
    return "works" if webhook["deliveredAt"] is not None else "not told anything yet"
