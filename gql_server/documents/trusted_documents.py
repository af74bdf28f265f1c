"""Trusted documents: clients may send their SHA-256 instead of the text; trusted-only mode executes no others.

A manifest is a JSON object of hash and document, as code generators of clients write it. The documents of our
own command line and pages are always in it. A document sent in full is as good as its hash.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from graphql import GraphQLError, GraphQLSyntaxError, parse, print_ast

from gql_server.documents import cli_documents
from gql_server.documents.page_documents import page_documents
from gql_server.responses.errors import Refused
from gql_server.settings.startup_error import StartupError

HASH_PREFIX = "sha256:"
"""An optional prefix of a hash."""

EXAMPLES = Path(__file__).parents[1] / "static" / "graphiql" / "examples"


class ManifestError(StartupError):
    """The manifest cannot be used; the message is one line."""


def sha256_of(source: str) -> str:
    """The key of a document."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


class TrustedDocuments:
    """Documents by hash, as few as a program needs. With `only`, one that is not among them is refused.

    `documents` is called when a hash is looked for: those of our own are parsed and printed, and a server
    that nobody sends a hash to can do without.
    """

    def __init__(self, documents: Callable[[], Mapping[str, str]] = dict, *, only: bool = False) -> None:
        self._make = documents
        self._only = only

    @functools.cached_property
    def _documents(self) -> Mapping[str, str]:
        return self._make()

    def source(self, query: str | None, given: str | None) -> str:
        """The text of the document that was sent, or whose hash was `given`. Raises Refused."""
        if query is None:
            known = self._documents.get(given or "")
            if known is None:
                # Apollo's clients look for this message, and then send the document.
                raise Refused(GraphQLError("PersistedQueryNotFound"), code="PERSISTED_QUERY_NOT_FOUND")
            return known
        if given is None and not self._only:
            return query
        actual = sha256_of(query)
        if given is not None and given != actual:
            raise Refused(GraphQLError("The hash is not that of the document"), code="BAD_REQUEST")
        if self._only and actual not in self._documents:
            raise Refused(
                GraphQLError("This server executes trusted documents only"), code="DOCUMENT_NOT_TRUSTED"
            )
        return query


def own_documents() -> dict[str, str]:
    """The documents of our command line, of GraphiQL's first tabs, and of the dashboard, by hash."""
    written = [
        value
        for name, value in vars(cli_documents).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    ]
    examples = [file.read_text(encoding="utf-8") for file in sorted(EXAMPLES.glob("*.graphql"))]
    return manifest_of([*written, *examples, *page_documents()])


def manifest_of(documents: Iterable[str]) -> dict[str, str]:
    """Each by its hash, as it is written and as clients print it after parsing."""
    written = list(documents)
    printed = [print_ast(parse(document)) for document in written]
    return {sha256_of(document): document for document in (*written, *printed)}


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a manifest file, each checked against its hash. Raises ManifestError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ManifestError(f"{path} is not a JSON object of hash and document")
    documents = {}
    for key, document in content.items():
        digest = key.removeprefix(HASH_PREFIX).lower()
        if not isinstance(document, str) or sha256_of(document) != digest:
            raise ManifestError(f"{path}: {key[:80]!r} is not the SHA-256 of its document")
        try:
            parse(document)
        except GraphQLSyntaxError as error:
            raise ManifestError(f"{path}: {key[:80]!r} is no GraphQL document: {error.message}") from error
        documents[digest] = document
    return documents
