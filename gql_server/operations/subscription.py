"""One subscription of one client: its own beginning, then events it has to catch up with, then a shared broadcast.

`payloads` gives what there is to catch up with. When that ends and the subscription is not over, the client is up
to date: `listen` adds it to a broadcast, and it needs no task until the broadcast calls `wake`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from gql_server.documents.document_cache import Operation
from gql_server.operations.broadcasts import Broadcast, Broadcasts, Chunks, Payload, Position
from gql_server.operations.event_variables import event_variables
from gql_server.operations.subscription_events import SubscriptionEvents
from gql_server.operations.subscription_memory import Reservation
from gql_server.responses.answers import refused_for
from schema.contract.feeds import Continue, Feed
from schema.contract.permissions import Principal

SHARED_WITH = "watchers"
"""The name of the principal that a broadcast is executed for; it has the scope of each subscriber."""


class Receiver(Protocol):
    """Receives the payloads of a client that is up to date."""

    def take(self, payload: Payload) -> bool:
        """Sends it at once; False when it cannot, and then nothing was sent."""
        ...

    def wake(self) -> None:
        """The client is no longer up to date, or the subscription is over: read `payloads` again."""
        ...


MakeAnswers = Callable[[Operation, Mapping[str, Any], Principal], SubscriptionEvents]


class Subscription:
    """See above. `is_over` once the source has ended and every payload was given."""

    __slots__ = (
        *("_answers", "_broadcast", "_broadcasts", "_feed", "_held", "_key", "_make_answers"),
        *("_operation", "_position", "_receiver", "_variables", "_principal", "is_over"),
    )

    def __init__(
        self,
        broadcasts: Broadcasts,
        make_answers: MakeAnswers,
        operation: Operation,
        variables: Mapping[str, Any],
        principal: Principal,
        held: Reservation,
    ) -> None:
        """`held` is the memory that it reserves until `leave`."""
        self._held = held
        self._broadcasts, self._make_answers = broadcasts, make_answers
        self._operation, self._variables, self._principal = operation, variables, principal
        self._answers: SubscriptionEvents | None = None
        self._feed: Feed[Any, Any] | None = None
        self._key: Hashable = None
        self._position: Position = None
        self._broadcast: Broadcast | None = None
        self._receiver: Receiver | None = None
        self.is_over = False

    async def payloads(self) -> AsyncGenerator[Payload, None]:
        """Every payload to send now, and further ones until it joins a broadcast. Raises Refused."""
        if self._feed is None:
            async with aclosing(self._beginning()) as beginning:
                async for payload in beginning:
                    yield payload
        while not self.is_over and (feed := self._feed) is not None:
            if (broadcast := self._joined()) is None:
                async with aclosing(self._alone(feed)) as alone:
                    async for payload in alone:
                        yield payload
            elif missed := broadcast.after(self._position):
                for self._position, payload in missed:
                    yield payload
            elif not broadcast.is_over:
                break
            elif broadcast.refused is not None:
                raise broadcast.refused
            else:
                self.is_over = True
        self._answers = None

    def listen(self, receiver: Receiver) -> None:
        """Sends further payloads to `receiver`. Called when `payloads` has ended and it is not over."""
        if self._broadcast is None or self._broadcast.is_over or self._broadcast.after(self._position):
            receiver.wake()
            return
        self._receiver = receiver
        self._broadcast.listen(self, self._position)

    def take(self, payload: Payload) -> bool:
        return self._receiver is not None and self._receiver.take(payload)

    def wake(self, position: Position) -> None:
        self._position = position
        if self._receiver is not None:
            self._receiver.wake()

    def leave(self) -> None:
        """Ends the subscription; nothing more is sent."""
        self._receiver = None
        self._held.release()
        if (broadcast := self._broadcast) is not None:
            self._broadcast = None
            broadcast.unlisten(self)
            self._broadcasts.leave(self, broadcast)

    async def _beginning(self) -> AsyncGenerator[Payload, None]:
        """What the resolver itself yields; when it ends without a feed to continue with, all is over."""
        answers = self._own_answers()
        async with aclosing(await answers.source()) as source:
            while (item := await _next(source)) is not _END:
                if isinstance(item, Continue):
                    self._go_on(item)
                    return
                yield await answers.payload_of(item)
        self.is_over = True

    def _go_on(self, told: Continue) -> None:
        self._feed, self._position = told.feed, told.position
        variables = event_variables(self._operation, self._variables)
        # The document by identity: as long as a broadcast lives, so does the document of its answers.
        self._key = (id(self._operation.node), variables, self._principal.scope, told.feed)

    async def _alone(self, feed: Feed[Any, Any]) -> AsyncGenerator[Payload, None]:
        """Reads the feed alone, until it can join a broadcast or the feed ends."""
        answers, chunks = self._own_answers(), feed.after(self._position)
        keep_open = False
        try:
            while (chunk := await _next(chunks)) is not _END:
                for position, item in chunk.items:
                    payload = await answers.payload_of(item)
                    self._position = position
                    yield payload
                self._position = chunk.end
                if self._joined() is not None:
                    return
                if chunk.idle:
                    keep_open = True
                    self._begin_broadcast(feed, chunks)
                    return
        finally:
            if not keep_open:
                await chunks.aclose()
        self.is_over = True

    def _joined(self) -> Broadcast | None:
        """The broadcast that it can continue with, if there is one."""
        if self._broadcast is not None:
            if self._broadcast.covers(self._position):
                return self._broadcast
            self._broadcasts.leave(self, self._broadcast)
        self._broadcast = self._broadcasts.join(self, self._key, self._position)
        if self._broadcast is not None:
            # Equal ones, so that thousands share one object.
            self._key, self._feed = self._broadcast.key, self._broadcast.feed
        return self._broadcast

    def _begin_broadcast(self, feed: Feed[Any, Any], chunks: Chunks) -> None:
        everybody = Principal(SHARED_WITH, self._principal.scope)
        answers = self._make_answers(self._operation, self._variables, everybody)
        self._broadcast = self._broadcasts.begin(
            self, self._key, self._position, feed, chunks, answers.payload_of
        )

    def _own_answers(self) -> SubscriptionEvents:
        if self._answers is None:
            self._answers = self._make_answers(self._operation, self._variables, self._principal)
        return self._answers


_END: Any = object()


async def _next(source: AsyncGenerator[Any, None]) -> Any:
    """The next item, or _END. Raises Refused for what the source raises."""
    try:
        return await anext(source, _END)
    except Exception as error:
        refused = refused_for(error)
    raise refused


class WaitingReceiver:
    """A receiver that takes nothing and waits, for callers that read `payloads` one by one."""

    def __init__(self) -> None:
        self._awake = asyncio.Event()

    def take(self, _: Payload) -> bool:
        return False

    def wake(self) -> None:
        self._awake.set()

    async def wait(self) -> None:
        await self._awake.wait()
        self._awake.clear()


async def every_payload(subscription: Subscription) -> AsyncGenerator[Payload, None]:
    """Every payload of a subscription, one by one, to its end. Raises Refused."""
    waiting = WaitingReceiver()
    try:
        while True:
            async with aclosing(subscription.payloads()) as payloads:
                async for payload in payloads:
                    yield payload
            if subscription.is_over:
                return
            subscription.listen(waiting)
            await waiting.wait()
    finally:
        subscription.leave()
