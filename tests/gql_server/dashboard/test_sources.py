"""The dashboard's sources: what a browser would only find out when somebody opens the page in question."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import DocumentNode, OperationDefinitionNode, parse, validate

from gql_server.pages import DASHBOARD_PATHS, STATIC
from schema import build_schema

DASHBOARD = STATIC / "dashboard"
DOCUMENTS = DASHBOARD / "documents"
MODULES = sorted(path for path in DASHBOARD.rglob("*.js"))
MAX_LINES = 300

IMPORT_LINE = re.compile(r'^# import "([a-z_]+)"$', re.MULTILINE)
MODULE_IMPORT = re.compile(r'(?:from|import) "(\.[^"]+)"')
NAMED = re.compile(
    r'(?:ask|act|follow)\("([a-z_]+)"|(?:query|document): "([a-z_]+)"|documentText\("([a-z_]+)"\)'
)


def document_text(name: str) -> str:
    """A document with every fragment it imports, as documents.js puts it together."""
    texts: dict[str, str] = {}

    def add(file: str) -> None:
        if file not in texts:
            texts[file] = (DOCUMENTS / f"{file}.graphql").read_text(encoding="utf-8")
            for imported in IMPORT_LINE.findall(texts[file]):
                add(imported)

    add(name)
    return "\n".join(texts.values())


def operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


NAMES = sorted(path.stem for path in DOCUMENTS.glob("*.graphql"))
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
    assert validate(build_schema()._schema, document) == []
    assert len(operations(document)) == 1


def test_no_document_lies_about_unused() -> None:
    imported = {name for file in NAMES for name in IMPORT_LINE.findall(document_text(file))}
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
