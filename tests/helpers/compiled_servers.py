"""One operation, executed by graphql-core, by our executor of it and by its plan: answers that can be compared."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import DocumentNode, ExecutionResult, OperationDefinitionNode, execute, subscribe

from gql_server.compiled.json_executor import JsonExecutor
from gql_server.compiled.plan import Plan
from gql_server.operations.graphql_core_patch import replace_gather_with_cancel
from gql_server.responses.encoding import encode

# As the server does it: what is cancelled, and when, is the same on both sides.
replace_gather_with_cancel()

Answer = tuple[Any, list[Any]]
"""The data as a client reads it, and the errors in the shape of the specification."""


def plan_of(schema: strawberry.Schema, document: DocumentNode) -> Plan:
    """The plan of the document's only operation."""
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return Plan(schema._schema, document, operation, executor_class=schema.execution_context_class)


async def by_graphql_core(
    schema: strawberry.Schema, document: DocumentNode, variables: Mapping[str, Any], context: Any = None
) -> Answer:
    return await answer_to(
        execute(
            schema._schema,
            document,
            context_value=context,
            variable_values=dict(variables),
            executor_class=schema.execution_context_class,
        )
    )


async def by_json_executor(
    schema: strawberry.Schema, document: DocumentNode, variables: Mapping[str, Any], context: Any = None
) -> Answer:
    """As a server without compiled execution does it."""
    return await answer_to(
        execute(
            schema._schema,
            document,
            context_value=context,
            variable_values=dict(variables),
            executor_class=JsonExecutor,
        )
    )


async def by_plan(plan: Plan, variables: Mapping[str, Any], context: Any = None) -> Answer:
    return await answer_to(plan.execute(context, variables))


async def events_by_graphql_core(
    schema: strawberry.Schema,
    document: DocumentNode,
    variables: Mapping[str, Any],
    context: Any = None,
    executor_class: Any = None,
) -> list[Answer]:
    """What a watcher gets; one answer without data when the stream cannot begin."""
    started = subscribe(
        schema._schema,
        document,
        context_value=context,
        variable_values=dict(variables),
        executor_class=executor_class or schema.execution_context_class,
    )
    results: Any = await started if inspect.isawaitable(started) else started
    if isinstance(results, ExecutionResult):
        return [await answer_to(results)]
    return [await answer_to(result) async for result in results]


async def answer_to(coming: Any) -> Answer:
    """A result of graphql-core or of a plan, waited for if need be."""
    result: ExecutionResult = await coming if inspect.isawaitable(coming) else coming
    return as_read(encode(result.data)), [error.formatted for error in result.errors or []]


def as_read(text: bytes) -> Any:
    """JSON as most clients read it: what 64 bits do not hold is a float, however its digits are written out."""
    return json.loads(text, parse_int=_number)


def _number(digits: str) -> int | float:
    return int(digits) if -(2**63) <= int(digits) < 2**64 else float(digits)
