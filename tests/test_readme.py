"""What the README says is true: its settings are the settings, and its operations can be pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from gql_server.settings import markdown_table
from schema import build_schema

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
OPERATIONS = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)


def test_every_setting_is_in_the_table() -> None:
    table = README.split("<!-- settings: python -m gql_server.settings -->\n")[1].split("<!-- /settings -->")[
        0
    ]
    assert table == markdown_table(), "paste what `python -m gql_server.settings` prints"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda text: text.split("(")[0].split("{")[0].strip())
def test_every_operation_can_be_pasted(operation: str) -> None:
    assert validate(build_schema()._schema, parse(operation)) == []


def test_there_is_a_query_a_mutation_and_a_subscription() -> None:
    assert {operation.split()[0] for operation in OPERATIONS} == {"query", "mutation", "subscription"}
