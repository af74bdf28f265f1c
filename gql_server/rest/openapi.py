"""The OpenAPI document of these routes, made of their list and of the shapes of their answers."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any, get_args

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gql_server.auth.route_scopes import PUBLIC, ROUTE_SCOPES
from gql_server.http.media_types import JSON
from gql_server.rest import shapes
from gql_server.rest.operations import OPERATIONS, Operation
from runner_bridge.version import VERSION

REFERENCE = "#/components/schemas/{model}"
_PLAIN = {str: "string"}


@cache
def document() -> bytes:
    """The document as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.route, {})[operation.method.lower()] = _operation(operation)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "reev-gql: the routes of the old server",
                "version": VERSION,
                "description": "For its page and for scripts written for it; everything else is in GraphQL.",
            },
            "paths": paths,
            "components": {
                "schemas": _schemas(),
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _models() -> set[type[BaseModel]]:
    """All that is read or answered; what they are made of comes with them."""
    found: set[Any] = {shapes.ErrorAnswer}
    for one in OPERATIONS:
        found |= {one.answer, *get_args(one.answer), one.body, *(shape for _, shape in one.others)}
    return {kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseModel)}


def _schemas() -> dict[str, Any]:
    bodies = {one.body for one in OPERATIONS}
    wanted: list[Any] = [
        (kind, "validation" if kind in bodies else "serialization")
        for kind in sorted(_models(), key=lambda kind: kind.__name__)
    ]
    _, schemas = models_json_schema(wanted, ref_template=REFERENCE)
    found: dict[str, Any] = schemas["$defs"]
    return found


def _operation(one: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": f"{one.what[:1].upper()}{one.what[1:]}",
        "description": f"In GraphQL: {one.graphql}.",
        "operationId": _name(one),
        "parameters": [*_path_parameters(one), *_parameters(one)],
        "responses": _responses(one),
    }
    if one.body is not None:
        described["requestBody"] = {"required": True, "content": _content(one.body)}
    scope = ROUTE_SCOPES[one.route].scope
    if scope is not PUBLIC:
        described["security"] = [{"bearer": []}, {}]
        described["x-scope"] = scope.name.lower()
    return described


def _name(one: Operation) -> str:
    words = one.path.replace("{", "").replace("}", "").replace("-", "_").strip("/").split("/")
    return "_".join([one.method.lower(), *words])


def _path_parameters(one: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameters(one: Operation) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "in": each.place, "description": each.what, "schema": each.schema}
        for each in one.parameters
    ]


def _responses(one: Operation) -> dict[str, Any]:
    content = _content(one.answer)
    if one.answer is shapes.FlowAnswer:
        content["text/html"] = {"schema": {"type": "string"}}
    answers: dict[str, Any] = {"200": {"description": "The answer.", "content": content}}
    for status, shape in one.others:
        schema = _schema(shape)
        if status >= HTTPStatus.BAD_REQUEST:
            schema = {"anyOf": [schema, _schema(shapes.ErrorAnswer)]}
        answers[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {JSON: {"schema": schema}},
        }
    if one.revalidates:
        answers["304"] = {"description": "The client has this answer (If-None-Match)."}
    answers["default"] = {"description": "An error.", "content": _content(shapes.ErrorAnswer)}
    return answers


def _content(shape: Any) -> dict[str, Any]:
    return {JSON: {"schema": _schema(shape)}}


def _schema(shape: Any) -> dict[str, Any]:
    if items := get_args(shape):
        return {"type": "array", "items": _schema(items[0])}
    if shape in _PLAIN:
        return {"type": _PLAIN[shape]}
    return {"$ref": REFERENCE.format(model=shape.__name__)}
