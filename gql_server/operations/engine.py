"""Executes operations: one answer for queries and mutations, a stream of them for subscriptions.

What takes too long is cancelled, with its database statements. Answers are plain dictionaries in the shape of the
specification, their errors masked; a request error has no `data`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from graphql import ExecutionResult, GraphQLError, OperationType, execute
from strawberry import Schema

from gql_server.compiled.answer_size import AnswerTooLarge, bounded
from gql_server.compiled.json_executor import JsonExecutor
from gql_server.compiled.lru_cache import LruCache
from gql_server.compiled.plan import Plan, Variant
from gql_server.documents.cost_limit import MAX_COERCION_ERRORS
from gql_server.documents.document_cache import DocumentCache, Operation
from gql_server.documents.document_store import DocumentStore
from gql_server.documents.trusted_documents import TrustedDocuments
from gql_server.operations.broadcasts import Broadcasts
from gql_server.operations.graphql_core_patch import replace_gather_with_cancel
from gql_server.operations.request import GraphQLRequest
from gql_server.operations.subscription import Subscription, every_payload
from gql_server.operations.subscription_events import SubscriptionEvents
from gql_server.operations.subscription_memory import SubscriptionMemory
from gql_server.operations.time_limit import TimeLimit
from gql_server.responses.answers import Answer, answer_of, encoded
from gql_server.responses.errors import Refused
from gql_server.settings.document_limits import DocumentLimits, MemoryLimits
from schema.contract.context import Context
from schema.contract.permissions import Principal
from store.records import record


@record
class Timeouts:
    """How long one answer may take, in seconds."""

    query_s: float = 20.0
    mutation_s: float = 300.0


class Engine:
    """One per server; knows nothing of transports."""

    def __init__(
        self,
        schema: Schema,
        make_context: Callable[[Principal], Context],
        *,
        limits: DocumentLimits | None = None,
        memory: MemoryLimits | None = None,
        timeouts: Timeouts | None = None,
        introspection: bool = True,
        suggestions: bool = True,
        trusted: TrustedDocuments | None = None,
        own_documents: Collection[str] = frozenset(),
        compiled: bool = True,
        freed: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`freed` is called with about how many bytes were let go, each time."""
        replace_gather_with_cancel()
        self._schema, self._turn = schema, asyncio.Lock()
        self._make_context = make_context
        timeouts = timeouts or Timeouts()
        self._query_time, self._mutation_time = TimeLimit(timeouts.query_s), TimeLimit(timeouts.mutation_s)
        self._trusted = trusted or TrustedDocuments()
        self._options: dict[str, Any] = {
            "executor_class": JsonExecutor,
            "hide_suggestions": not suggestions,
            "max_coercion_errors": MAX_COERCION_ERRORS,
        }
        memory = memory or MemoryLimits()
        self._largest = memory.answer
        # Half for documents, half for the code compiled for them.
        self._variants: LruCache[Variant] = LruCache(memory.documents // 2, freed)
        self._cache = cache = DocumentCache(memory.documents // 2, freed)
        self._subscriptions = SubscriptionMemory(
            cache, memory.subscriptions, memory.subscriptions_per_client, freed
        )
        self._documents = DocumentStore(
            schema._schema,
            limits or DocumentLimits(),
            introspection=introspection,
            suggestions=suggestions,
            own=own_documents,
            make_plan=self._plan if compiled else None,
            cache=cache,
        )
        self._broadcasts = Broadcasts(freed)

    def evict_unused(self) -> None:
        """Lets go of most documents, and of most compiled code, that were not used for a while."""
        self._cache.evict_unused()
        self._variants.evict_unused()

    def operation(self, request: GraphQLRequest) -> Operation:
        """The operation that `request` asks for, prepared for execution. Raises Refused."""
        source = self._trusted.source(request.query, request.document_hash)
        return self._documents.operation(source, request.operation_name, request.variables)

    async def operation_in_turn(self, request: GraphQLRequest) -> Operation:
        """`operation`, while everything else of the process goes on between two documents.

        For callers that may ask for many at the same moment: preparing a large one takes some 50 ms.
        """
        async with self._turn:
            operation = self.operation(request)
            await asyncio.sleep(0)
            return operation

    def _plan(self, operation: Operation) -> Plan:
        return Plan(
            self._schema._schema,
            operation.document,
            operation.node,
            fragments=operation.prepared.fragments,
            cache=self._variants,
            fields=operation.fields,
            largest_answer=self._largest,
            **self._options,
        )

    async def payload(self, operation: Operation, request: GraphQLRequest, principal: Principal) -> bytes:
        """`answer` as JSON, or an error that it is too large."""
        return encoded(await self.answer(operation, request, principal), self._largest)

    async def answer(self, operation: Operation, request: GraphQLRequest, principal: Principal) -> Answer:
        """The answer to a query or mutation. Raises Refused for variables that do not fit, and at timeouts."""
        context = self._make_context(principal)
        is_query = operation.kind is OperationType.QUERY
        limit = self._query_time if is_query else self._mutation_time
        try:
            with limit.holding():
                result = self._execute(operation, request, context)
                if not isinstance(result, ExecutionResult):
                    result = await result
        except TimeoutError:
            raise Refused(_timed_out(limit.seconds), status=HTTPStatus.SERVICE_UNAVAILABLE) from None
        if result.data is None and result.errors and all(map(_is_of_request, result.errors)):
            raise Refused(*result.errors, code="BAD_USER_INPUT")
        return answer_of(result)

    def _execute(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        if operation.plan is None:
            return bounded(execute(**self._arguments(operation, request, context)), self._largest)
        return operation.plan.execute(context, request.variables or {})

    def subscribe(
        self, operation: Operation, request: GraphQLRequest, principal: Principal, client: str
    ) -> Subscription:
        """A subscription of `client`, an address. Raises Refused when it needs too much memory.

        Equal answers to many subscribers are executed once for all.
        """
        variables = request.variables or {}
        held = self._subscriptions.open(client, operation.prepared, variables)
        return Subscription(self._broadcasts, self._event_answers, operation, variables, principal, held)

    async def answers(
        self, operation: Operation, request: GraphQLRequest, principal: Principal, client: str
    ) -> AsyncGenerator[bytes, None]:
        """Every answer to an operation of any kind, as JSON; one, unless it is a subscription. Raises Refused."""
        if operation.kind is not OperationType.SUBSCRIPTION:
            yield await self.payload(operation, request, principal)
            return
        async with aclosing(every_payload(self.subscribe(operation, request, principal, client))) as payloads:
            async for payload in payloads:
                yield payload

    def _event_answers(
        self, operation: Operation, variables: Mapping[str, Any], principal: Principal
    ) -> SubscriptionEvents:
        context = replace(self._make_context(principal), shares=True)
        executor = JsonExecutor.build(
            self._schema._schema,
            operation.document,
            context_value=context,
            raw_variable_values=dict(variables),
            operation_name=operation.name,
            max_coercion_errors=self._options["max_coercion_errors"],
            hide_suggestions=self._options["hide_suggestions"],
        )
        if isinstance(executor, list):
            raise Refused(*executor, code="BAD_USER_INPUT")
        return SubscriptionEvents(executor, operation.plan, self._largest)

    def _arguments(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> Mapping[str, Any]:
        return {
            "schema": self._schema._schema,
            "document": operation.document,
            "operation_name": operation.name,
            "variable_values": dict(request.variables or {}),
            "context_value": context,
            **self._options,
        }


def _is_of_request(error: GraphQLError) -> bool:
    """Whether nothing was executed because of it."""
    return error.path is None and not isinstance(error, AnswerTooLarge)


def _timed_out(seconds: float) -> GraphQLError:
    message = f"The operation took longer than {seconds:g} s and was cancelled"
    return GraphQLError(message, extensions={"code": "OPERATION_TIMEOUT"})
