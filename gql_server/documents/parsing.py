"""Parses documents, and estimates the memory of each."""

from __future__ import annotations

import sys

from graphql import DocumentNode, GraphQLSyntaxError, Source, Token, TokenKind
from graphql.language import Location
from graphql.language.parser import Parser

from gql_server.documents.size_limits import MAX_DOCUMENT_CHARS, LimitExceeded, too_many

TOKEN_BYTES = 450
"""About the memory of a token of a document."""

DOCUMENT_BYTES = 4000
"""The memory of the smallest document."""

NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)


class _Parser(Parser):
    """Locations do not keep the tokens, which are half of a document in memory."""

    def loc(self, start_token: Token) -> Location | None:
        location = super().loc(start_token)
        if location is not None:
            location.start_token = location.end_token = NO_TOKEN
        return location


def parsed(source: str, max_tokens: int) -> tuple[DocumentNode, int]:
    """The document, and about how many bytes it has in memory.

    Raises LimitExceeded for a document that is too long or too deep, GraphQLSyntaxError for what is none.
    """
    if len(source) > MAX_DOCUMENT_CHARS:
        raise too_many("characters", len(source), MAX_DOCUMENT_CHARS)
    parser = _Parser(Source(source), max_lexical_tokens=max_tokens, max_comments=max_tokens)
    try:
        document = parser.parse_document()
        # Names and texts are copies of their parts of the source.
        return document, DOCUMENT_BYTES + 2 * sys.getsizeof(source) + TOKEN_BYTES * parser.token_count
    except RecursionError:
        aborted = "The document is nested too deeply."
    except GraphQLSyntaxError as error:
        # The parser aborts with this for too many tokens or comments, and for too deep nesting.
        aborted = error.message.removeprefix("Syntax Error: ").removesuffix(" Parsing aborted.")
        if aborted == error.message.removeprefix("Syntax Error: "):
            raise
    # Raised outside of the handlers, else the error would keep a thousand frames alive.
    raise LimitExceeded(aborted)
