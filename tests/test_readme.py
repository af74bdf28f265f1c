"""What the README says is true: its settings are the settings, and its operations can be pasted."""

from __future__ import annotations

import re

import pytest
from graphql import parse, validate

from gql_server.settings.table import markdown_table
from schema import build_schema
from tests.helpers.places import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
OPERATIONS = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)


def test_every_setting_is_in_the_table() -> None:
    table = README.split("<!-- settings: python -m gql_server.settings.table -->\n")[1].split(
        "<!-- /settings -->"
    )[0]
    assert table == markdown_table(), "paste what `python -m gql_server.settings.table` prints"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda text: text.split("(")[0].split("{")[0].strip())
def test_every_operation_can_be_pasted(operation: str) -> None:
    assert validate(build_schema()._schema, parse(operation)) == []


def test_there_is_a_query_a_mutation_and_a_subscription() -> None:
    assert {operation.split()[0] for operation in OPERATIONS} == {"query", "mutation", "subscription"}


def test_every_promise_names_tests_that_exist() -> None:
    promises = README.split("## What we promise\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in promises.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 7
    for promise, proof in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", proof)
        assert named, promise
        for path, name in named:
            assert f"def {name}(" in (REPOSITORY / path).read_text(encoding="utf-8"), name
