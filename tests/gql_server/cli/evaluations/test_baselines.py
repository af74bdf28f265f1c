"""Which baselines a batch can be compared with, and whose attempts with whose."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLEnumType

from gql_server.cli import graphql_client
from gql_server.cli.errors import CliError, ExitCode
from gql_server.cli.evaluations.baselines import Baseline
from gql_server.cli.evaluations.commands import OrderedBy, RerunOnly
from gql_server.cli.evaluations.queries import attempt_set
from schema import build_schema
from tests.gql_server.cli.evaluations.answers import BATCH_ID, entry

SUITE = {"b1": 1, "b2": 1}
BASELINE = Baseline("x", frozenset({"a", "b"}), SUITE)


@pytest.mark.parametrize(
    ("benchmarks", "words"),
    [
        ({"b1": 1}, "only in the baseline: b2"),
        ({**SUITE, "b3": 1}, "only here: b3"),
        ({"b1": 1, "c": 1}, "only here: c; only in the baseline: b2"),
        ({"b1": 2, "b2": 2}, "all of its benchmarks have changed: b1, b2"),
        ({f"c{number:03}": 1 for number in range(500)}, "c009 and 490 more"),
    ],
)
def test_another_suite_is_refused_with_what_differs(benchmarks: dict[str, int | None], words: str) -> None:
    with pytest.raises(CliError, match="another suite") as refused:
        BASELINE.check_suite(benchmarks, ["a"])
    assert refused.value.code == ExitCode.WRONG_USE
    assert words in str(refused.value) and len(str(refused.value)) < 300


def test_a_suite_of_which_a_part_has_changed_can_be_compared() -> None:
    BASELINE.check_suite({"b1": 2, "b2": 1}, ["a", "b"])


def test_an_agent_is_compared_with_itself_or_the_only_one_with_the_only_one() -> None:
    assert BASELINE.agent_for("a", ["a", "b"]) == "a"
    assert Baseline("x", frozenset({"a"}), SUITE).agent_for("new", ["new"]) == "a"
    for baseline, agents in ((BASELINE, ["new"]), (Baseline("x", frozenset({"a"}), SUITE), ["new", "a"])):
        with pytest.raises(CliError, match="no attempts by 'new', only by a"):
            baseline.agent_for("new", agents)


async def test_a_set_of_attempts_is_a_batch_an_agent_or_one_of_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask(_: str, __: str, variables: Any) -> Any:
        assert variables["filter"] == {"agents": ["mine"]}
        return {"leaderboard": {"entries": [entry("mine", "abcd1"), entry("mine", "abce2"), entry("mine")]}}

    monkeypatch.setattr(graphql_client, "ask", ask)
    assert await attempt_set("", BATCH_ID.upper()) == {"batchIds": [BATCH_ID]}
    assert await attempt_set("", "mine") == {"agents": ["mine"]}
    assert await attempt_set("", "mine@abcd") == {"agents": ["mine"], "settingsHashes": ["abcd1"]}
    for text, number in (("mine@abc", 2), ("mine@", 0), ("mine@x", 0)):
        with pytest.raises(CliError, match=f"{number} settings of 'mine' begin .* there are abcd1, abce2"):
            await attempt_set("", text)


def test_the_choices_are_those_of_the_contract() -> None:
    enums = build_schema()._schema.type_map
    for choices, name in ((OrderedBy, "LeaderboardField"), (RerunOnly, "RerunOnly")):
        contract = enums[name]
        assert isinstance(contract, GraphQLEnumType)
        assert {each.name for each in choices} == contract.values.keys()
