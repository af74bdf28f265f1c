"""The codes that the docs list are those that the code uses, no more and no less."""

from __future__ import annotations

import re
from http import HTTPStatus

from gql_server.responses.error_codes import CODES, markdown
from tests.helpers.places import REPOSITORY

LITERAL = re.compile(
    r'(?:RequestError\(\s*|\bcode(?:: str)? ?= ?|"code": )"([A-Z_]+)"|BAD_REQUEST = "([A-Z_]+)"'
)
STATUS = re.compile(r"(?:refusal\(\s*|\n    )HTTPStatus\.([A-Z_]+)[,:]")


def test_every_code_is_in_the_table_and_none_is_there_for_nothing() -> None:
    sources = [
        file.read_text(encoding="utf-8")
        for package in ("gql_server", "schema")
        for file in (REPOSITORY / package).rglob("*.py")
        if file.name != "codes.py"
    ]
    used = {first or second for text in sources for first, second in LITERAL.findall(text)}
    used |= {HTTPStatus[name].name for text in sources for name in STATUS.findall(text)}
    assert used == set(CODES)


def test_the_docs_show_the_table() -> None:
    text = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- codes: python -m gql_server.responses.error_codes -->\n")[2].partition(
        "<!-- /codes -->"
    )[0]
    assert shown == markdown()
