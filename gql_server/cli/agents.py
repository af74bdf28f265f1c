"""`reev-gql agents`: what each command asks the server and prints. Every coroutine returns the exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success
from gql_server.cli.errors import wrong_use
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.cli.views.rows import Rows, facts
from gql_server.cli.views.texts import milliseconds, printable
from gql_server.documents import cli_documents

Data = dict[str, Any]

ENUMS = ("protocol", "tool_set", "conversation", "on_limit")
"""Settings whose values the API spells in capitals."""

REFERENCE_ANSWER = "the reference answer: it proves that a benchmark can be solved, and asks no model"

NEXT = {
    "NAME_NOT_FOUND": "check the host in the address",
    "REFUSED": "start the model's server, or check the port",
    "UNREACHABLE": "check the address and the network",
    "TIMEOUT": "try again: a model that is loaded first takes a while",
    "TLS": "check whether the address begins with http:// or https://, and its certificate",
    "FORBIDDEN_ADDRESS": "give another address",
    "UNAUTHORIZED": "give the API key: `reev-gql agents add {name} --key`",
    "NOT_FOUND": "check the path of the address, which usually ends in /v1, and the model's name",
    "RATE_LIMITED": "try again later, or look at the limits of your account",
    "REDIRECT": "save the address that it redirects to",
    "REJECTED": "read what it says: the model may take no tools, or want other --parameters",
    "SERVER_ERROR": "look at the log of the model's server",
    "BAD_ANSWER": "check the address, which usually ends in /v1, and --protocol",
}
"""What to do about each kind of problem."""


def change(
    name: str, url: str | None, model: str | None, settings: Mapping[str, Any], *, reset: bool
) -> Data:
    """The input of saveAgentConfig. Settings that are None stay, or with `reset` get their default."""
    request: Data = {"agent": name}
    if url is not None:
        request["apiUrl"] = url
    if model is not None:
        request["model"] = model
    given = {
        _api_name(each): _value(each, value)
        for each, value in settings.items()
        if reset or value not in (None, [], ())
    }
    if given:
        request["settings"] = given
    return request


def _api_name(setting: str) -> str:
    first, *others = setting.split("_")
    return first + "".join(map(str.capitalize, others))


def _value(setting: str, value: Any) -> Any:
    if value in (None, [], ()):
        return None
    if setting in ENUMS:
        return str(value).upper().replace("-", "_")
    if setting != "parameters":
        return value
    try:
        parameters = json.loads(value)
    except ValueError as error:
        raise wrong_use(f"--parameters is not JSON: {error}") from error
    if not isinstance(parameters, dict):
        raise wrong_use("--parameters must be a JSON object, such as '{\"top_k\": 40}'")
    return parameters


async def add(url: str, request: Data, *, as_json: bool) -> int:
    answer = await graphql_client.ask(url, cli_documents.SAVE_AGENT, {"input": request})
    config = success(answer, "saveAgentConfig")["config"]
    if as_json:
        emit(config)
        return 0
    console = new_console()
    console.print(
        Text(f"{config['agent']} is saved as revision {config['revision']}: {printable(config['summary'])}")
    )
    console.print(Text(f"`reev-gql agents test {config['agent']}` sends a request to it", style="dim"))
    return 0


async def test(url: str, name: str, *, as_json: bool) -> int:
    """0 when the model answered as an agent needs it, else 1."""
    answer = await graphql_client.ask(url, cli_documents.TEST_AGENT, {"input": {"agent": name}})
    result = success(answer, "testAgentConnection")
    if as_json:
        emit({key: value for key, value in result.items() if key != "__typename"})
        return 0 if result["ok"] else 1
    console = new_console()
    status = "no HTTP answer" if result["httpStatus"] is None else f"HTTP {result['httpStatus']}"
    console.print(Text(f"asked {printable(result['url'])}"))
    console.print(Text(f"{status} after {milliseconds(result['latencyMs'])}"))
    if result["ok"]:
        console.print(
            Text(f"✓ {name} works: `reev-gql run 001-sol-transfer --agent {name} --watch`", style="green")
        )
        return 0
    problem = result["problem"]
    console.print(Text(f"✕ {problem['kind']}: {printable(problem['message'])}", style="red"))
    console.print(Text(f"next: {NEXT[problem['kind']].format(name=name)}"))
    return 1


@dataclass(frozen=True)
class Chosen:
    """Which agents are listed; None where it does not matter."""

    text: str | None = None
    with_model: bool | None = None
    with_key: bool | None = None

    def has(self, agent: Data) -> bool:
        config = agent["config"] or {}
        about = " ".join(str(config.get(name) or "") for name in ("model", "apiUrl"))
        return (
            (self.text or "").casefold() in f"{agent['name']} {about}".casefold()
            and self.with_model in (None, agent["usesModel"])
            and self.with_key in (None, bool(config.get("hasApiKey")))
        )


async def list_(url: str, chosen: Chosen, *, as_json: bool) -> int:
    agents = [agent for agent in await _agents(url) if chosen.has(agent)]
    if as_json:
        for agent in agents:
            emit(agent)
        return 0
    table = Rows("agent", "key", "revision", "model")
    for agent in agents:
        table.add_row(Text(printable(agent["name"])), *_cells(agent))
    console = new_console()
    console.print(table if agents else "There are no such agents.")
    if chosen == Chosen() and not any(agent["usesModel"] for agent in agents):
        console.print("Add one with a model: reev-gql agents add NAME --url URL --model MODEL")
    return 0


def _cells(agent: Data) -> tuple[str, str, Text]:
    config = agent["config"]
    if config is None:
        about = "not configured here" if agent["usesModel"] else REFERENCE_ANSWER
        return "", "", Text(about, style="dim")
    return (
        "yes" if config["hasApiKey"] else "no",
        str(config["revision"]),
        Text(printable(config["summary"])),
    )


async def show(url: str, name: str, *, as_json: bool) -> int:
    agent = next((each for each in await _agents(url) if each["name"] == name), None)
    if agent is None:
        raise wrong_use(
            f"there is no agent {name!r}: `reev-gql agents add {printable(name)} --url URL --model MODEL` adds it"
        )
    if as_json:
        emit(agent)
        return 0
    console, config = new_console(), agent["config"]
    if config is None:
        console.print(_cells(agent)[-1])
        return 0
    rows = {key: config[key] for key in ("apiUrl", "model", "hasApiKey", "revision", "updatedAt")}
    known = {**rows, "settingsHash": config["settingsHash"], **config["settings"]}
    console.print(Text(printable(config["summary"]), style="bold"))
    console.print(facts((key, _shown(value)) for key, value in known.items()))
    return 0


def _shown(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else value


async def remove(url: str, name: str, *, as_json: bool) -> int:
    answer = await graphql_client.ask(url, cli_documents.REMOVE_AGENT, {"input": {"agent": name}})
    removed = success(answer, "deleteAgentConfig")["agent"]
    if as_json:
        emit({"agent": removed})
    else:
        new_console().print(Text(f"{removed} is removed with its API key; its executions stay"))
    return 0


async def _agents(url: str) -> list[Data]:
    agents: list[Data] = (await graphql_client.ask(url, cli_documents.AGENT_CONFIGS))["agents"]
    return agents
