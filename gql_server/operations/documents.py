"""Documents made ready for execution: parsed, within the limits, valid. Those that are get remembered.

The order matters: what is cheap to find out comes first, so that a hostile document is refused before the
standard rules, some of which take quadratic time, see it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gql_server.compiled.plan import Plan
from gql_server.document_limits import DocumentLimits
from gql_server.masking import BAD_REQUEST, masked
from gql_server.operations.fragments import FragmentCycle
from gql_server.operations.limits import MAX_DOCUMENT_CHARS, LimitExceeded, check_sizes, too_many
from gql_server.operations.merging import FieldsCanBeMergedRule
from schema.costs import cost_bound, cost_of_operation

REMEMBERED_DOCUMENTS = 256
"""Programs send the same few documents again and again."""

MAX_VALIDATION_ERRORS = 20
"""Enough to mend a document by."""

MAX_COERCION_ERRORS = 20
"""Enough to mend variables by."""

RULES: tuple[type[ASTValidationRule], ...] = (
    *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
    FieldsCanBeMergedRule,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)
"""Those of the specification and of Strawberry."""


class Refused(Exception):
    """A request that is understood and not executed; its errors are as the client may see them."""

    def __init__(
        self,
        *errors: GraphQLError,
        code: str = BAD_REQUEST,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
    ) -> None:
        super().__init__(*errors)
        self.status = status
        self.errors = [masked(error, code) for error in errors]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document. `cost_bound` is what it costs at most, None if that is not known.

    Without a `plan` graphql-core executes it.
    """

    document: DocumentNode
    node: OperationDefinitionNode
    cost_bound: int | None
    plan: Plan | None = None

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


class Documents:
    """Makes documents ready. One per server. What `own` documents cost was weighed when they were written."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: DocumentLimits,
        *,
        introspection: bool = True,
        suggestions: bool = True,
        own: Collection[str] = frozenset(),
        make_plan: Callable[[DocumentNode, OperationDefinitionNode], Plan] | None = None,
    ) -> None:
        self._schema = schema
        self._make_plan = make_plan
        self._limits = limits
        self._own = own
        self._hide_suggestions = not suggestions
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._ready: OrderedDict[str, tuple[Operation, ...]] = OrderedDict()

    def operation(self, source: str, name: str | None, variables: Mapping[str, Any] | None) -> Operation:
        """The operation of that name, or the only one, ready to be executed. Raises Refused."""
        operations = self._ready.get(source)
        if operations is None:
            operations = self._prepare(source)
            self._ready[source] = operations
            if len(self._ready) > REMEMBERED_DOCUMENTS:
                self._ready.popitem(last=False)
        else:
            self._ready.move_to_end(source)
        operation = _selected(operations, name)
        self._check_cost(operation, variables or {})
        return operation

    def _prepare(self, source: str) -> tuple[Operation, ...]:
        try:
            document = self._parsed(source)
            check_sizes(document, self._limits)
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
            raise Refused(*_told_once(errors), code="GRAPHQL_VALIDATION_FAILED")
        is_own = source in self._own
        return tuple(
            Operation(
                document,
                node,
                0 if is_own else cost_bound(self._schema, document, node),
                None if self._make_plan is None else self._make_plan(document, node),
            )
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        )

    def _parsed(self, source: str) -> DocumentNode:
        if len(source) > MAX_DOCUMENT_CHARS:
            raise too_many("characters", len(source), MAX_DOCUMENT_CHARS)
        tokens = self._limits.tokens
        try:
            return parse(source, max_lexical_tokens=tokens, max_comments=tokens)
        except GraphQLSyntaxError as error:
            # The parser says so of too many tokens, too many comments and too deep a nesting.
            aborted = error.message.removeprefix("Syntax Error: ").removesuffix(" Parsing aborted.")
            if aborted == error.message.removeprefix("Syntax Error: "):
                raise
        raise LimitExceeded(aborted)

    def _check_cost(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        limit = self._limits.cost
        if operation.cost_bound is not None and operation.cost_bound <= limit:
            return
        values = self._coerced(operation, variables)
        cost = cost_of_operation(self._schema, operation.document, operation.node, values)
        if cost > limit:
            raise Refused(too_many("cost", cost, limit))

    def _coerced(self, operation: Operation, variables: Mapping[str, Any]) -> VariableValues:
        """The variables as they are for executing it. Raises Refused when they do not fit."""
        values = get_variable_values(
            self._schema,
            operation.node.variable_definitions or (),
            dict(variables),
            max_errors=MAX_COERCION_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(values, list):
            raise Refused(*values, code="BAD_USER_INPUT")
        return values


def _told_once(errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """Each message once, with every place it is about: an answer does not grow with repetitions in a document."""
    by_message: dict[str, list[GraphQLError]] = {}
    for error in errors:
        by_message.setdefault(error.message, []).append(error)
    return [
        same[0]
        if len(same) == 1
        else GraphQLError(message, [node for error in same for node in error.nodes or ()])
        for message, same in by_message.items()
    ]


def _selected(operations: tuple[Operation, ...], name: str | None) -> Operation:
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
