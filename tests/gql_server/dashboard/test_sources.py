"""The dashboard's sources: what a browser would only find out when somebody opens the page in question."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import DocumentNode, NoDeprecatedCustomRule, OperationDefinitionNode, parse, validate

from gql_server.documents.page_documents import DIRECTORY, document_text, page_documents
from gql_server.pages.assets import STATIC
from gql_server.pages.pages import DASHBOARD_PATHS
from schema import build_schema
from tests.helpers.site import Site

DASHBOARD = STATIC / "dashboard"
MODULES = sorted(path for path in DASHBOARD.rglob("*.js"))
MAX_LINES = 300

IMPORT_LINE = re.compile(r'^# import "([a-z_]+)"$', re.MULTILINE)
MODULE_IMPORT = re.compile(r'(?:from |import |import\()"(\.[^"]+)"')
NAMED = re.compile(
    r'(?:ask|act|follow)\(\s*"([a-z_]+)"|(?:query|document): "([a-z_]+)"|documentText\("([a-z_]+)"\)'
)


def operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


NAMES = sorted(path.stem for path in DIRECTORY.glob("*.graphql"))
ASKED_FOR = {
    name
    for module in MODULES
    for match in NAMED.finditer(module.read_text(encoding="utf-8"))
    for name in match.groups()
    if name is not None
}


@pytest.mark.parametrize("name", sorted(ASKED_FOR))
def test_every_document_that_is_sent_fits_the_schema(name: str) -> None:
    document = parse(document_text(name))
    schema = build_schema()._schema
    assert validate(schema, document) == []
    assert validate(schema, document, [NoDeprecatedCustomRule]) == []
    assert len(operations(document)) == 1


def test_the_server_knows_every_document_of_its_pages_by_its_text() -> None:
    assert {document_text(name) for name in ASKED_FOR} == page_documents()


def test_no_document_lies_about_unused() -> None:
    imported = {
        name
        for path in DIRECTORY.glob("*.graphql")
        for name in IMPORT_LINE.findall(path.read_text(encoding="utf-8"))
    }
    assert set(NAMES) == ASKED_FOR | imported


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_modules_are_short_and_find_what_they_import(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_LINES
    assert text.startswith("// "), "says what it is for"
    for target in MODULE_IMPORT.findall(text):
        assert (module.parent / target).is_file(), target


def test_text_never_becomes_markup() -> None:
    for module in MODULES:
        text = module.read_text(encoding="utf-8")
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert way not in text, f"{module.name} uses {way}"


def test_the_server_answers_at_every_address_that_the_pages_have() -> None:
    main = (DASHBOARD / "main.js").read_text(encoding="utf-8")
    routes = re.findall(r'^  \["(/[^"]*)", \w+\],$', main, re.MULTILINE)
    assert [re.sub(r":(\w+)", r"{\1}", route) for route in routes] == list(DASHBOARD_PATHS)


async def test_our_own_documents_have_no_limit_of_cost_and_others_do(site: Site) -> None:
    grid = document_text("grid")
    _, answer = await site.post(grid)
    assert "errors" not in answer
    _, answer = await site.post(grid + " ")
    assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
