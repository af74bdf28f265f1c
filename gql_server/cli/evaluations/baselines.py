"""The batch that an evaluation is compared with: found, and refused where it is another suite."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gql_server.cli import graphql_client
from gql_server.cli.errors import wrong_use
from gql_server.cli.evaluations import batch_data
from gql_server.documents import cli_documents

Data = dict[str, Any]

NEWEST = 50
"""How many batches are looked through for the newest that fits."""

SHOWN = 10


@dataclass(frozen=True)
class Baseline:
    """An ended batch. `agents`: those with attempts; `benchmarks`: their revisions."""

    id: str
    agents: frozenset[str]
    benchmarks: Mapping[str, int | None]

    def check_suite(self, benchmarks: Mapping[str, int | None], agents: Collection[str]) -> None:
        """Raises CliError unless it has the same benchmarks and something to compare each agent with.

        Some benchmarks may have changed: the comparison leaves those out and says so.
        """
        only_here, only_there = (
            benchmarks.keys() - self.benchmarks.keys(),
            self.benchmarks.keys() - benchmarks.keys(),
        )
        parts = [
            f"{words} {_named(names)}"
            for words, names in (("only here:", only_here), ("only in the baseline:", only_there))
            if names
        ]
        if not parts and not benchmarks.items() & self.benchmarks.items():
            parts = [f"all of its benchmarks have changed: {_named(benchmarks)}"]
        if parts:
            raise wrong_use(f"the baseline {self.id} is another suite ({'; '.join(parts)})")
        for agent in agents:
            self.agent_for(agent, agents)

    def agent_for(self, agent: str, agents: Collection[str]) -> str:
        """Whose attempts those of `agent` are compared with: the same name, or the only one where each has one."""
        if agent in self.agents:
            return agent
        if len(set(agents)) == len(self.agents) == 1:
            return next(iter(self.agents))
        raise wrong_use(f"the baseline {self.id} has no attempts by {agent!r}, only by {_named(self.agents)}")


async def find(url: str, text: str, apart_from: str | None = None) -> Baseline:
    """By id, or the newest ended batch for `tag=…` or `name=…`. Raises CliError."""
    kind, _, value = text.partition("=")
    if kind in ("tag", "name") and value:
        batch_id = await _newest(url, kind, value, apart_from)
    else:
        batch_id = text
    found = await batch_data.batch(url, batch_id)
    if found["progress"]["ended"] < found["size"]:
        raise wrong_use(
            f"the baseline {batch_id} has not ended; `reev-gql batches show {batch_id} --watch` waits"
        )
    if not found["figures"]["attempts"]:
        raise wrong_use(f"the baseline {batch_id} has no execution that counts for an agent: give another")
    members, _ = await batch_data.executions(url, batch_id)
    return Baseline(
        str(found["id"]),
        frozenset(member["agent"] for member in members if member["isAttempt"]),
        batch_data.revisions_of(members),
    )


async def _newest(url: str, kind: str, value: str, apart_from: str | None) -> str:
    filter: Data = {"tags": [value]} if kind == "tag" else {"text": value}
    filter["statuses"] = ["COMPLETED"]
    answer = await graphql_client.ask(url, cli_documents.BATCHES, {"first": NEWEST, "filter": filter})
    for batch in answer["batches"]["nodes"]:
        if batch["id"] != apart_from and (kind == "tag" or batch["name"] == value):
            return str(batch["id"])
    option = "--batch-tag" if kind == "tag" else "--name"
    raise wrong_use(
        f"no batch with the {kind} {value!r} has ended: `reev-gql run … {option} {value}` makes one"
    )


async def compare(url: str, baseline: Baseline, batch_id: str, executions: Iterable[Data]) -> dict[str, Data]:
    """By agent with attempts, the comparison of those in the batch with those of the baseline."""
    agents = sorted({execution["agent"] for execution in executions if execution["isAttempt"]})
    found = {}
    for agent in agents:
        other = baseline.agent_for(agent, agents)
        sets = {
            "baseline": {"batchIds": [baseline.id], "agents": [other], "name": f"the baseline {other}"},
            "candidate": {"batchIds": [batch_id], "agents": [agent], "name": agent},
        }
        found[agent] = (await graphql_client.ask(url, cli_documents.COMPARE, sets))["compareAttempts"]
    return found


def _named(names: Iterable[str]) -> str:
    ordered = sorted(names)
    shown = ", ".join(ordered[:SHOWN])
    return f"{shown} and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else shown
