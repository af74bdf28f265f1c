"""Prepares documents for execution: parses, measures and validates them, and keeps them for their next use.

The order matters: what is cheap to find out comes first, so that a hostile document is refused before the
standard rules, some of which take quadratic time, see it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from graphql import (
    ASTValidationRule,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gql_server.compiled.plan import Plan
from gql_server.documents.cost_limit import CostLimit
from gql_server.documents.document_cache import DocumentCache, Operation, PreparedDocument
from gql_server.documents.fragments import FragmentCycle
from gql_server.documents.merging import FieldsCanBeMergedRule
from gql_server.documents.parsing import parsed
from gql_server.documents.size_limits import LimitExceeded, check_sizes
from gql_server.responses.errors import Refused
from gql_server.settings.document_limits import DocumentLimits

MAX_VALIDATION_ERRORS = 20
"""Enough to correct a document by."""

RULES: tuple[type[ASTValidationRule], ...] = (
    *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
    FieldsCanBeMergedRule,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)
"""Those of the specification and of Strawberry."""


class DocumentStore:
    """Prepares documents and keeps them in `cache`. One per server. `own` documents have no limit of cost."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: DocumentLimits,
        *,
        introspection: bool = True,
        suggestions: bool = True,
        own: Collection[str] = frozenset(),
        make_plan: Callable[[Operation], Plan] | None = None,
        cache: DocumentCache | None = None,
    ) -> None:
        self._schema = schema
        self._make_plan = make_plan
        self._limits = limits
        self._own = own
        self._hide_suggestions = not suggestions
        self._cost = CostLimit(schema, limits.cost, suggestions=suggestions)
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._cache = cache or DocumentCache(sys.maxsize)

    def operation(self, source: str, name: str | None, variables: Mapping[str, Any] | None) -> Operation:
        """The operation of that name, or the only one, prepared for execution. Raises Refused."""
        document = self._cache.get(source)
        if document is None:
            document = self._prepare(source)
            self._cache.add(document)
        operation = _selected(document.operations, name)
        if not operation.is_planned:
            self._plan(operation)
        self._cost.check(operation, variables or {})
        return operation

    def _prepare(self, source: str) -> PreparedDocument:
        try:
            document, weight = parsed(source, self._limits.tokens)
            sizes = check_sizes(document, self._limits)
            errors = validate(
                self._schema,
                document,
                self._rules,
                max_errors=MAX_VALIDATION_ERRORS,
                hide_suggestions=self._hide_suggestions,
            )
        except LimitExceeded as error:
            raise Refused(error) from None
        except FragmentCycle as error:
            raise Refused(error, code="GRAPHQL_VALIDATION_FAILED") from None
        except GraphQLError as error:
            raise Refused(error, code="GRAPHQL_PARSE_FAILED") from None
        if errors:
            raise Refused(*_each_once(errors), code="GRAPHQL_VALIDATION_FAILED")
        prepared = PreparedDocument(source, document, weight)
        prepared.operations += [Operation(prepared, node, size.fields) for node, size in sizes]
        return prepared

    def _plan(self, operation: Operation) -> None:
        if operation.prepared.source in self._own:
            operation.cost_bound = 0
        else:
            operation.cost_bound = self._cost.bound(operation)
        if self._make_plan is not None:
            operation.plan = self._make_plan(operation)
        operation.is_planned = True


def _each_once(errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """Each message once, with all its places, so that repetitions in a document do not make a long answer."""
    by_message: dict[str, list[GraphQLError]] = {}
    for error in errors:
        by_message.setdefault(error.message, []).append(error)
    return [
        same[0]
        if len(same) == 1
        else GraphQLError(message, [node for error in same for node in error.nodes or ()])
        for message, same in by_message.items()
    ]


def _selected(operations: Sequence[Operation], name: str | None) -> Operation:
    found = [operation for operation in operations if name is None or operation.name == name]
    if len(found) == 1:
        return found[0]
    if name is not None:
        message = f"The document has no operation named {name[:80]!r}"
    elif operations:
        message = "The document has several operations: say which one with `operationName`"
    else:
        message = "The document has no operation"
    raise Refused(GraphQLError(message), code="OPERATION_RESOLUTION_FAILURE")
