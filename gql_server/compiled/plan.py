"""A plan: one operation of a document that is known to be valid, made ready to be executed again and again.

There is a variant of it for each way in which its conditions turn out, compiled when it is first needed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from types import CoroutineType
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from graphql.pyutils import Path

from gql_server.compiled.compiler import Compiler
from gql_server.compiled.completion import Fields
from gql_server.compiled.conditions import NotCompiled, condition_variables
from gql_server.compiled.scope import InfoTail, Scope
from gql_server.compiled.variables import Variables

MAX_VARIANTS = 16
"""Four conditions that turn out in every way; graphql-core executes what comes beyond."""

Result = ExecutionResult | Awaitable[ExecutionResult]

Inputs = Mapping[str, Any] | VariableValues
"""Variables as a client sends them, or as `Plan.variables` made them ready."""

NO_TYPE = GraphQLObjectType("Nothing", {})
NO_FIELD = GraphQLField(GraphQLString)
NO_NODE = FieldNode(name=NameNode(value=""))
"""For an info of which only what is the same for every field of a request is taken."""


class Variant:
    """What was compiled for one outcome of the conditions: a function, or several that wait for each other."""

    def __init__(self, executor: Executor[Any]) -> None:
        self.compiler = Compiler(executor)
        serial = executor.operation.operation is OperationType.MUTATION
        self.fields: list[Fields] = self.compiler.serial_root() if serial else [self.compiler.root()]
        info = executor.build_resolve_info(NO_FIELD, [NO_NODE], NO_TYPE, Path(None, "", None))
        self.info_tail = InfoTail(info, executor.variable_values)


class Plan:
    """One per operation of a document, kept as long as the document is."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        *,
        executor_class: type[Executor[Any]],
        hide_suggestions: bool = False,
        max_coercion_errors: int = 50,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._executor_class = executor_class
        self._hide_suggestions = hide_suggestions
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._details = {name: FragmentDetails(node) for name, node in self._fragments.items()}
        self._variables = Variables(schema, operation, max_coercion_errors, hide_suggestions=hide_suggestions)
        self._variants: dict[tuple[Any, ...], Variant | None] = {}
        try:
            self._conditions: tuple[str, ...] | None = condition_variables(document, operation)
        except NotCompiled:
            self._conditions = None

    def execute(self, context: Any, variables: Inputs) -> Result:
        """What `graphql.execute` answers to a query or mutation."""
        return self._execute(None, context, variables)

    def execute_event(self, root_value: Any, context: Any, variables: Inputs) -> Result:
        """What graphql-core answers to `root_value`, an event of the subscription that this operation is."""
        return self._execute(root_value, context, variables)

    def variables(self, inputs: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The coerced variables, for who executes many times with the same; or what is wrong with them."""
        return self._variables.values(inputs)

    def sources(self, variables: Mapping[str, Any]) -> list[str]:
        """The code that was written so far for requests with these variables; for the reader and for tests."""
        values = self.variables(variables)
        if isinstance(values, list):
            return []
        variant = self._variant(values)
        return [] if variant is None else variant.compiler.sources

    def _execute(self, root_value: Any, context: Any, variables: Inputs) -> Result:
        values = variables if isinstance(variables, VariableValues) else self.variables(variables)
        if isinstance(values, list):
            return ExecutionResult(None, values)
        variant = self._variant(values)
        if variant is None:
            return cast("Result", self._executor(root_value, context, values).execute_operation())
        scope = Scope(self._executor, variant.info_tail, root_value, context, values)
        return _answer(variant.fields, root_value, scope)

    def _executor(self, root_value: Any, context: Any, values: VariableValues) -> Executor[Any]:
        return self._executor_class(
            self._schema,
            self._fragments,
            self._details,
            root_value,
            context,
            self._operation,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=self._hide_suggestions,
        )

    def _variant(self, values: VariableValues) -> Variant | None:
        """What is compiled for a request; None when graphql-core must execute it."""
        if self._conditions is None:
            return None
        outcome = tuple(values.coerced.get(name) for name in self._conditions)
        if outcome in self._variants:
            return self._variants[outcome]
        if len(self._variants) >= MAX_VARIANTS or not all(isinstance(value, bool) for value in outcome):
            return None
        try:
            variant: Variant | None = Variant(self._executor(None, None, values))
        except NotCompiled:
            variant = None
        self._variants[outcome] = variant
        return variant


def _answer(fields: list[Fields], root_value: Any, scope: Scope) -> Result:
    data: Any
    try:
        data = (
            fields[0](root_value, None, scope) if len(fields) == 1 else _serially(fields, root_value, scope)
        )
    except GraphQLError as error:
        scope.executor.collected_errors.add(error, None)
        data = None
    if data.__class__ is CoroutineType:
        return _answer_later(data, scope)
    return ExecutionResult(data, scope.errors)


async def _answer_later(coming: Any, scope: Scope) -> ExecutionResult:
    try:
        data = await coming
    except GraphQLError as error:
        scope.executor.collected_errors.add(error, None)
        data = None
    return ExecutionResult(data, scope.errors)


async def _serially(fields: list[Fields], root_value: Any, scope: Scope) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for field in fields:
        found = field(root_value, None, scope)
        answer |= await found if found.__class__ is CoroutineType else found
    return answer
