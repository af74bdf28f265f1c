"""The parameters of a GraphQL request, as every transport receives them in a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from gql_server.documents.trusted_documents import HASH_PREFIX
from gql_server.responses.errors import BadRequest
from store.records import record

T = TypeVar("T")


@record
class GraphQLRequest:
    """The parameters. `document_hash` is the SHA-256 of a trusted document, in lower-case hexadecimals."""

    query: str | None
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None
    document_hash: str | None = None


def read_request(fields: object) -> GraphQLRequest:
    """The request in a decoded JSON value. Raises BadRequest when it is not shaped like one."""
    if not isinstance(fields, dict):
        raise BadRequest("Send one JSON object with a `query`")
    query = _optional(fields, "query", str, "a string")
    extensions = _optional(fields, "extensions", dict, "an object")
    document_hash = _document_hash(fields, extensions or {})
    if not query and document_hash is None:
        raise BadRequest("There is no `query` in the request")
    return GraphQLRequest(
        query=query or None,
        operation_name=_optional(fields, "operationName", str, "a string") or None,
        variables=_optional(fields, "variables", dict, "an object"),
        document_hash=document_hash,
    )


def _document_hash(fields: dict[str, Any], extensions: dict[str, Any]) -> str | None:
    """`documentId` of the GraphQL-over-HTTP draft, or what Apollo's clients say in `extensions`."""
    document_id = _optional(fields, "documentId", str, "a string")
    if document_id is not None:
        return document_id.removeprefix(HASH_PREFIX).lower()
    persisted = _optional(extensions, "persistedQuery", dict, "an object")
    if persisted is None:
        return None
    given = _optional(persisted, "sha256Hash", str, "a string")
    return given.lower() if given is not None else None


def _optional(fields: dict[str, Any], name: str, kind: type[T], what: str) -> T | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequest(f"`{name}` must be {what}")
    return value
