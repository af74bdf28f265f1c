"""Eight trials: a server lets the model try one benchmark eight times, and tells which trials it solved.

The trials have one setting and differ by the seed, which the endpoint counts up from 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success

AGENT = "smollm2-135m"
TRIALS = 8
SETTINGS: dict[str, Any] = {
    # Copying "0.1" is all that it can do; 100000000 is beyond it.
    "toolSet": "DECIMAL",
    "enumNames": True,
    # It does not know when it is done, and would call again until a limit.
    "maxTurns": 1,
    # Trials that run at once wait for each other.
    "requestTimeoutMs": 300_000,
}
WARM = 0.5
"""A temperature at which it sometimes goes wrong; at 0 its answer is always the same."""

SAVE = """
mutation SaveTinyModel($input: SaveAgentConfigInput!) {
  saveAgentConfig(input: $input) { __typename ... on Error { code message } }
}
"""
RUN = """
mutation RunTrials($input: RunBenchmarksInput!) {
  runBenchmarks(input: $input) {
    __typename
    ... on Error { code message }
    ... on RunBenchmarksSuccess { batch { id executions(first: 100) { nodes { id trial } } } }
  }
}
"""
RESULT = """
query TrialResult($id: ID!) {
  execution(id: $id) {
    trial solved score failure { message }
    usage { inputTokens outputTokens }
    conversation(first: 20) { edges { node { kind toolCall { name arguments } } } }
  }
}
"""


@dataclass(frozen=True)
class Trial:
    """How one ended. `solved` is None when the server could not tell."""

    number: int
    solved: bool | None
    score: float | None
    call: str
    tokens: str


async def save_agent(url: str, address: str, temperature: float) -> None:
    """Registers the model at `address`. Raises CliError."""
    settings = {**SETTINGS, "temperature": temperature}
    given = {"agent": AGENT, "apiUrl": address, "model": AGENT, "settings": settings}
    success(await graphql_client.ask(url, SAVE, {"input": given}), "saveAgentConfig")


async def start_trials(url: str, benchmark: str, repeats: int) -> tuple[str, list[str]]:
    """A batch: its id, and those of its executions, the first trial first. Raises CliError."""
    request = {
        "benchmarkIds": [benchmark],
        "agents": [AGENT],
        "repeats": repeats,
        "name": f"{AGENT} tries {benchmark}",
    }
    batch = success(await graphql_client.ask(url, RUN, {"input": request}), "runBenchmarks")["batch"]
    executions = sorted(batch["executions"]["nodes"], key=lambda execution: execution["trial"])
    return batch["id"], [execution["id"] for execution in executions]


async def end_of_trial(url: str, execution_id: str) -> Trial:
    """Waits for the end of one. Raises CliError."""
    async for _ in graphql_client.events(url, execution_id):
        pass
    return _trial((await graphql_client.ask(url, RESULT, {"id": execution_id}))["execution"])


def _trial(found: dict[str, Any]) -> Trial:
    entries = [edge["node"] for edge in found["conversation"]["edges"]]
    calls = [entry["toolCall"] for entry in entries if entry["kind"] == "TOOL"]
    usage = found["usage"] or {}
    if calls:
        told = ", ".join(map(_short, calls))
    else:
        told = found["failure"]["message"] if found["failure"] else "no call"
    return Trial(
        number=found["trial"],
        solved=found["solved"],
        score=found["score"],
        call=told,
        tokens=f"{usage.get('inputTokens', '-')} / {usage.get('outputTokens', '-')}",
    )


def _short(call: dict[str, Any]) -> str:
    """A call in one line, without the ending that all names share."""
    try:
        arguments = json.loads(call["arguments"])
        given = " ".join(f"{key}={value}".removesuffix("_PUBKEY") for key, value in arguments.items())
    except (ValueError, AttributeError):
        given = call["arguments"]
    return f"{call['name']} {given}"


async def run_trials(url: str, benchmark: str, console: Console) -> str:
    """All of them, shown when they have ended; returns the batch's id. Raises CliError."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("trial", "solved", "score", "what it did", "tokens in / out"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "what it did")
    batch, executions = await start_trials(url, benchmark, TRIALS)
    solved = 0
    with console.status("") as status:
        for number, execution_id in enumerate(executions, start=1):
            status.update(f"{AGENT} tries {benchmark}: trial {number} of {TRIALS} ...")
            trial = await end_of_trial(url, execution_id)
            solved += trial.solved is True
            table.add_row(*_row(trial))
    console.print(table)
    console.print(f"Solved {solved} of {TRIALS}.")
    return batch


def _row(trial: Trial) -> tuple[str | Text, ...]:
    mark = {True: Text("yes", "green"), False: Text("no", "red"), None: Text("-")}[trial.solved]
    score = "-" if trial.score is None else f"{trial.score:.2f}"
    return str(trial.number), mark, score, Text(trial.call), trial.tokens
