"""The GraphQL documents of our own pages, as their script puts them together and sends them."""

from __future__ import annotations

import re
from pathlib import Path

from gql_server.pages import STATIC

DIRECTORY = STATIC / "dashboard" / "documents"

_IMPORT = re.compile(r'^# import "([a-z_]+)"$', re.MULTILINE)


def document_text(name: str) -> str:
    """A document and every fragment it imports, each once; letter by letter what documents.js makes of them."""
    texts: dict[str, str] = {}

    def add(file: str) -> None:
        if file in texts:
            return
        text = _file(file).read_text(encoding="utf-8")
        texts[file] = _IMPORT.sub("", text).strip()
        for imported in _IMPORT.findall(text):
            add(imported)

    add(name)
    return "\n\n".join(texts.values())


def page_documents() -> frozenset[str]:
    """Every document that a page may send."""
    texts = (document_text(path.stem) for path in sorted(DIRECTORY.glob("*.graphql")))
    return frozenset(text for text in texts if not text.startswith("fragment "))


def _file(name: str) -> Path:
    return DIRECTORY / f"{name}.graphql"
