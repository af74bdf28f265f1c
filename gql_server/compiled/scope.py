"""The state of one request, or of one event of a subscription, that generated code uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from graphql.type.definition import GraphQLResolveInfoHelpers

from gql_server.compiled.answer_size import AnswerTooLarge

MakeExecutor = Callable[[Any, Any, VariableValues], Executor[Any]]
"""From the root value, the context and the variables of a request."""

PATH_AT = GraphQLResolveInfo._fields.index("path")
"""Fields of an info before it are known per place in a document, those after it per request."""


class LazyExecutor:
    """graphql-core's executor of one request, made when it is needed first: an answer without errors needs none.

    No reference cycle, so that a request leaves nothing to the garbage collector.
    """

    __slots__ = ("_executor", "_make", "_values")

    def __init__(self, make: MakeExecutor, root_value: Any, context: Any, variables: VariableValues) -> None:
        self._make, self._values = make, (root_value, context, variables)
        self._executor: Executor[Any] | None = None

    @property
    def executor(self) -> Executor[Any]:
        if self._executor is None:
            self._executor = self._make(*self._values)
        return self._executor

    @property
    def errors(self) -> list[GraphQLError] | None:
        """The errors recorded, in order; None when there are none."""
        return None if self._executor is None else self._executor.collected_errors.errors or None

    def gather(self, awaitables: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
        return self.executor.gather_async_work(awaitables)

    def track(self, values: Sequence[Any]) -> None:
        self.executor.track_async_work(values)


class InfoTail:
    """The last fields of every info of an operation; `of` adds those that differ between requests."""

    def __init__(self, sample: GraphQLResolveInfo[Any], variables: VariableValues) -> None:
        """`sample` is an info that the executor made for a request with these `variables`."""
        base: Any = type(sample)
        self.info_class = info_class(base)
        names = base._fields[PATH_AT + 1 :]
        self._same = list(sample[PATH_AT + 1 :])
        self._places = [
            names.index(name) for name in ("root_value", "context", "variable_values", "async_helpers")
        ]
        given: Any = sample.variable_values
        self._coerced_only = given is variables.coerced

    def of(
        self, root_value: Any, context: Any, variables: VariableValues, executing: LazyExecutor
    ) -> tuple[Any, ...]:
        tail = self._same.copy()
        root, context_at, values, helpers = self._places
        tail[root], tail[context_at] = root_value, context
        tail[values] = variables.coerced if self._coerced_only else variables
        tail[helpers] = GraphQLResolveInfoHelpers(executing.gather, executing.track)
        return tuple(tail)


class Scope:
    """One per request, or per event of a subscription."""

    __slots__ = ("_executing", "arguments", "info_class", "tail", "text", "variables")

    def __init__(
        self,
        make: MakeExecutor,
        info_tail: InfoTail,
        root_value: Any,
        context: Any,
        variables: VariableValues,
    ) -> None:
        self._executing = executing = LazyExecutor(make, root_value, context, variables)
        self.variables = variables
        self.text = 0
        """Characters of long texts in the answer, so far."""
        self.arguments: dict[object, dict[str, Any]] = {}
        self.info_class = info_tail.info_class
        self.tail = info_tail.of(root_value, context, variables, executing)

    @property
    def executor(self) -> Executor[Any]:
        return self._executing.executor

    def result(self, data: Any, limit: int) -> ExecutionResult:
        """The result with `data`, or an error that it is larger than `limit`."""
        if self.text > limit:
            return ExecutionResult(None, [AnswerTooLarge(limit)])
        return ExecutionResult(data, self._executing.errors)


@cache
def info_class(base: type) -> type:
    """`base`, a class of info, with the attribute that schema.contract.selection reads."""
    return type(base.__name__, (base,), {"selection": None, "__doc__": base.__doc__})


def step(before: Path | None, key: str | int, parent: str | None) -> Path:
    """`before` and one more step; made without the class's own slower `__new__`."""
    return tuple.__new__(Path, (before, key, parent))
