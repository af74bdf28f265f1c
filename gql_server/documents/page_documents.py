"""The GraphQL documents of our own pages, each a file, put together with the fragments they import.

They are part of the page, so that it needs no further request before its first query; the server knows them by
their text.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

DIRECTORY = Path(__file__).parents[1] / "static" / "dashboard" / "documents"

_IMPORT = re.compile(r'^# import "([a-z_]+)"$', re.MULTILINE)


def document_text(name: str) -> str:
    """A document and every fragment it imports, each once."""
    texts: dict[str, str] = {}

    def add(file: str) -> None:
        if file in texts:
            return
        text = (DIRECTORY / f"{file}.graphql").read_text(encoding="utf-8")
        texts[file] = _IMPORT.sub("", text).strip()
        for imported in _IMPORT.findall(text):
            add(imported)

    add(name)
    return "\n\n".join(texts.values())


def named_documents() -> dict[str, str]:
    """Every document that a page may send, by name; fragments alone are none."""
    texts = {path.stem: document_text(path.stem) for path in sorted(DIRECTORY.glob("*.graphql"))}
    return {name: text for name, text in texts.items() if not text.startswith("fragment ")}


def page_documents() -> frozenset[str]:
    """Every document that a page may send."""
    return frozenset(named_documents().values())


def documents_json() -> str:
    """Those documents as JSON that can stand inside a script element."""
    return json.dumps(named_documents()).replace("<", "\\u003c")
