"""The memory of open subscriptions: their variables, and their documents, which no other request may use.

A document counts once for all subscriptions of a client, and once for all clients together. What is compiled
for it is kept elsewhere, within a number of bytes of its own.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from graphql import GraphQLError

from gql_server.documents.document_cache import DocumentCache, PreparedDocument
from gql_server.responses.errors import Refused

SUBSCRIPTION_BYTES = 1000
"""About the memory of one, beside its document and variables."""


class SubscriptionMemory:
    """One per server: at most `most` bytes in all and `per_client` of one address."""

    def __init__(
        self,
        documents: DocumentCache,
        most: int,
        per_client: int,
        freed: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`freed` is called with the bytes of variables that are let go."""
        self._documents, self._most, self._per_client, self._freed = documents, most, per_client, freed
        self.weight = 0
        self._by_client: Counter[str] = Counter()
        self._of_client: Counter[tuple[str, PreparedDocument]] = Counter()

    def open(self, client: str, document: PreparedDocument, variables: Mapping[str, Any]) -> Reservation:
        """Reserves memory until the subscription has ended. Raises Refused when there is not enough."""
        own = SUBSCRIPTION_BYTES + memory_of(variables)
        for_client = own + (0 if (client, document) in self._of_client else document.weight)
        for_all = own + (0 if document.subscriptions else document.weight)
        if self._by_client[client] + for_client > self._per_client:
            raise _refused("this client", self._per_client)
        if self.weight + for_all > self._most:
            raise _refused("all clients", self._most)
        self._documents.hold(document)
        self._of_client[client, document] += 1
        self._by_client[client] += for_client
        self.weight += for_all
        return Reservation(self, client, document, own)

    def close(self, client: str, document: PreparedDocument, own: int) -> None:
        self._of_client[client, document] -= 1
        for_client = for_all = own
        if not self._of_client[client, document]:
            del self._of_client[client, document]
            for_client += document.weight
        self._documents.release(document)
        if not document.subscriptions:
            for_all += document.weight
        self._by_client[client] -= for_client
        if not self._by_client[client]:
            del self._by_client[client]
        self.weight -= for_all
        self._freed(own)


class Reservation:
    """The memory of one subscription."""

    __slots__ = ("_client", "_document", "_own", "_subscriptions")

    def __init__(
        self, subscriptions: SubscriptionMemory, client: str, document: PreparedDocument, own: int
    ) -> None:
        self._subscriptions: SubscriptionMemory | None = subscriptions
        self._client, self._document, self._own = client, document, own

    def release(self) -> None:
        """Gives the memory back. Later calls do nothing."""
        if (subscriptions := self._subscriptions) is not None:
            self._subscriptions = None
            subscriptions.close(self._client, self._document, self._own)


def memory_of(variables: Mapping[str, Any]) -> int:
    """About how many bytes of memory decoded variables take: as sent, and coerced."""
    total, waiting = 0, [*variables.values()]
    while waiting:
        value = waiting.pop()
        total += sys.getsizeof(value)
        if isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return 2 * total


def _refused(whose: str, limit: int) -> Refused:
    message = (
        f"The subscriptions of {whose} would keep more than {limit} bytes: end some, "
        "or send the same document with other variables"
    )
    return Refused(
        GraphQLError(message), code="SUBSCRIPTIONS_TOO_LARGE", status=HTTPStatus.SERVICE_UNAVAILABLE
    )
