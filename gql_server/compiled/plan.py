"""A plan executes one operation of a valid document, again and again.

It has a variant for each combination of outcomes of its conditions, compiled when it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
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

from gql_server.compiled.answer_size import Result, bounded
from gql_server.compiled.compiler import FIELD_BYTES, FUNCTION_BYTES, Compiler
from gql_server.compiled.completion import Fields
from gql_server.compiled.conditions import NotCompiled, condition_variables
from gql_server.compiled.inputs import Variables
from gql_server.compiled.lru_cache import LruCache
from gql_server.compiled.scope import InfoTail, Scope

MAX_VARIANTS = 16
"""Four conditions with every combination of outcomes; graphql-core executes further ones."""

VARIANT_BYTES = 4000
"""About the memory of one beside its functions."""

Outcome = tuple[Any, ...]
"""The values of the variables that conditions depend on."""

Inputs = Mapping[str, Any] | VariableValues
"""Variables as a client sends them, or as `Plan.variables` made them ready."""

NO_TYPE = GraphQLObjectType("Nothing", {})
NO_FIELD = GraphQLField(GraphQLString)
NO_NODE = FieldNode(name=NameNode(value=""))
"""For an info of which only the part that is the same for every field of a request is used."""


class Variant:
    """The compiled code for one outcome of the conditions: a function, or several that are executed in turn."""

    def __init__(
        self, executor: Executor[Any], cache: LruCache[Variant], sources: list[str] | None = None
    ) -> None:
        self.weight, self.used_at = VARIANT_BYTES, 0.0
        compiler = Compiler(executor, partial(cache.grow, self), sources)
        serial = executor.operation.operation is OperationType.MUTATION
        self.fields: list[Fields] = compiler.serial_root() if serial else [compiler.root()]
        info = executor.build_resolve_info(NO_FIELD, [NO_NODE], NO_TYPE, Path(None, "", None))
        self.info_tail = InfoTail(info, executor.variable_values)


class DocumentFragments:
    """The fragments of a document, for the plans of all its operations."""

    def __init__(self, document: DocumentNode) -> None:
        self.nodes = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.details = {name: FragmentDetails(node) for name, node in self.nodes.items()}


class Plan:
    """One per operation of a document, kept as long as the document is.

    A variant is compiled the second time that it is wanted, if `cache` has room for it: its weight is estimated
    from `fields`, how many the operation has with its fragments written out. Without a cache each is compiled at
    once and stays.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        *,
        executor_class: type[Executor[Any]],
        fragments: DocumentFragments | None = None,
        hide_suggestions: bool = False,
        max_coercion_errors: int = 50,
        cache: LruCache[Variant] | None = None,
        fields: int = 0,
        largest_answer: int = sys.maxsize,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._executor_class = executor_class
        self._hide_suggestions = hide_suggestions
        self._fragments = fragments or DocumentFragments(document)
        self._variables = Variables(schema, operation, max_coercion_errors, hide_suggestions=hide_suggestions)
        self._variants: dict[Outcome, Variant | None] = {}
        self._cache: LruCache[Variant] = cache or LruCache(sys.maxsize)
        self._compiles_at_once = cache is None
        self._weight = VARIANT_BYTES + FUNCTION_BYTES + FIELD_BYTES * fields
        self._wanted: set[Outcome] = set()
        self._largest_answer = largest_answer
        self._is_closed = False
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
        """The coerced variables, for callers that reuse them; or the errors in them."""
        return self._variables.values(inputs)

    def sources(self, variables: Mapping[str, Any]) -> list[str]:
        """The code that is written for requests with these variables; for the reader and for tests."""
        values, sources = self.variables(variables), list[str]()
        if not isinstance(values, list) and self._conditions is not None:
            with suppress(NotCompiled):
                Variant(self._executor(None, None, values), LruCache(0), sources)
        return sources

    def close(self) -> None:
        """The document is no longer kept: drops the compiled code, and compiles no more."""
        self._is_closed = True
        for variant in list(self._variants.values()):
            if variant is not None:
                self._cache.evict(variant)

    def _execute(self, root_value: Any, context: Any, variables: Inputs) -> Result:
        values = variables if isinstance(variables, VariableValues) else self.variables(variables)
        if isinstance(values, list):
            return ExecutionResult(None, values)
        variant = self._variant(values)
        if variant is None:
            result = cast("Result", self._executor(root_value, context, values).execute_operation())
            return bounded(result, self._largest_answer)
        scope = Scope(self._executor, variant.info_tail, root_value, context, values)
        return _answer(variant.fields, root_value, scope, self._largest_answer)

    def _executor(self, root_value: Any, context: Any, values: VariableValues) -> Executor[Any]:
        return self._executor_class(
            self._schema,
            self._fragments.nodes,
            self._fragments.details,
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
            known = self._variants[outcome]
            if known is not None:
                self._cache.use(known)
            return known
        if len(self._variants) >= MAX_VARIANTS or not all(isinstance(value, bool) for value in outcome):
            return None
        return self._compiled(outcome, values) if self._may_compile(outcome) else None

    def _may_compile(self, outcome: Outcome) -> bool:
        if self._compiles_at_once:
            return True
        if outcome not in self._wanted:
            if len(self._wanted) >= MAX_VARIANTS:
                self._wanted.clear()
            self._wanted.add(outcome)
            return False
        return not self._is_closed and self._cache.has_room_for(self._weight)

    def _compiled(self, outcome: Outcome, values: VariableValues) -> Variant | None:
        self._variants[outcome] = None
        with suppress(NotCompiled):
            variant = Variant(self._executor(None, None, values), self._cache)
            self._variants[outcome] = variant
            self._cache.add(variant, lambda _: self._variants.pop(outcome))
        return self._variants.get(outcome)


def _answer(fields: list[Fields], root_value: Any, scope: Scope, largest: int) -> Result:
    data: Any
    try:
        data = (
            fields[0](root_value, None, scope) if len(fields) == 1 else _serially(fields, root_value, scope)
        )
    except GraphQLError as error:
        scope.executor.collected_errors.add(error, None)
        data = None
    if data.__class__ is CoroutineType:
        return _answer_later(data, scope, largest)
    return scope.result(data, largest)


async def _answer_later(coming: Any, scope: Scope, largest: int) -> ExecutionResult:
    try:
        data = await coming
    except GraphQLError as error:
        scope.executor.collected_errors.add(error, None)
        data = None
    return scope.result(data, largest)


async def _serially(fields: list[Fields], root_value: Any, scope: Scope) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for field in fields:
        found = field(root_value, None, scope)
        answer |= await found if found.__class__ is CoroutineType else found
    return answer
