"""The events of a subscription: the source that the resolver gives, and the answer to each event."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, cast

from graphql import ExecutionResult, Executor, create_source_event_stream, execute_subscription_event

from gql_server.compiled.answer_size import bounded
from gql_server.compiled.plan import Plan
from gql_server.responses.answers import answer_of, encoded
from gql_server.responses.encoding import kept
from gql_server.responses.errors import Refused


class SubscriptionEvents:
    """Those of one operation with its variables and its context, for any number of subscribers."""

    def __init__(self, executor: Executor[Any], plan: Plan | None, largest: int) -> None:
        self._executor, self._plan, self._largest = executor, plan, largest

    async def source(self) -> AsyncGenerator[Any, None]:
        """The events that the resolver yields. Raises Refused when it cannot begin."""
        started = create_source_event_stream(self._executor)
        source = await cast("Awaitable[Any]", started) if inspect.isawaitable(started) else started
        if isinstance(source, ExecutionResult):
            raise Refused(*source.errors or [], code="BAD_USER_INPUT")
        return cast("AsyncGenerator[Any, None]", source)

    async def payload_of(self, item: object) -> bytes:
        """The answer to one event, as JSON."""
        executor = self._executor
        if self._plan is None:
            event = execute_subscription_event(executor.build_per_event_executor(item))
            result = bounded(event, self._largest)
        else:
            result = self._plan.execute_event(item, executor.context_value, executor.variable_values)
        answer = answer_of(await result if inspect.isawaitable(result) else result)
        return kept(encoded(answer, self._largest))
