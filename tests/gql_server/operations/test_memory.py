"""What is kept in memory for clients: weighed in bytes, within a number of them, given back."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from graphql import DocumentNode, OperationDefinitionNode, get_named_type, is_leaf_type, parse

from gql_server.compiled.lru_cache import UNUSED_S, LruCache
from gql_server.compiled.plan import DocumentFragments, Plan, Variant
from gql_server.documents.document_cache import DocumentCache, Operation, PreparedDocument
from gql_server.documents.document_store import DocumentStore
from gql_server.documents.parsing import parsed
from gql_server.operations.subscription_memory import SubscriptionMemory, memory_of
from gql_server.responses.errors import Refused
from gql_server.settings.document_limits import DocumentLimits
from schema import build_schema

T = TypeVar("T")

contract = build_schema()
schema = contract._schema

LEAVES = " ".join(
    name
    for name, field in schema.type_map["Execution"].fields.items()  # type: ignore[attr-defined]
    if not field.args and is_leaf_type(get_named_type(field.type))
)
CONDITIONS = (
    "query Q($a: Boolean!, $b: Boolean!) { a: __typename @include(if: $a) b: __typename @include(if: $b) "
)
DOCUMENTS = {
    "small": "{ health { status } }",
    "list": "{ executions(first: 50) { nodes { id status toolCalls { name params } } pageInfo { endCursor } } }",
    "wide": "{ " + " ".join(f'x{n}: execution(id: "{n}") {{ {LEAVES} }}' for n in range(15)) + " }",
    "resolved": '{ benchmark(id: "x") { ' + " ".join(f"a{n}: source" for n in range(90)) + " } }",
    "deep": "{ executions { nodes { " + "benchmark { latestExecution { " * 4 + LEAVES + " } }" * 4 + " } } }",
    "fragments": "{ ...F0 }"
    + "".join(f" fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(150))
    + " fragment F150 on Query { health { status } }",
    "values": "{ executions(filter: {tags: [" + '"tag" ' * 2000 + "]}) { nodes { id } } }",
    "a long text": '{ benchmark(id: "' + "é" * 40_000 + '") { id } }',
}


def kept_bytes(make: Callable[[], T]) -> tuple[T, int]:
    """What `make` gives, and how many bytes are in use because of it."""
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        return made, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def planned(
    document: DocumentNode, cache: LruCache[Variant], fragments: DocumentFragments | None = None
) -> Plan:
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Plan(
        schema,
        document,
        operation,
        executor_class=contract.execution_context_class,
        fragments=fragments,
        cache=cache,
        fields=40,
    )


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_the_weight_of_a_document_is_about_its_bytes(name: str) -> None:
    parsed(DOCUMENTS[name], 5000)
    (_, weight), measured = kept_bytes(lambda: parsed(DOCUMENTS[name] + " ", 5000))
    assert measured <= weight <= 4 * measured + 4000


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in ("values", "a long text")])
def test_the_weight_of_what_is_compiled_is_about_its_bytes(name: str) -> None:
    document = parse(DOCUMENTS[name])
    fragments = DocumentFragments(document)

    def compiled() -> LruCache[Variant]:
        kept: LruCache[Variant] = LruCache(10**9)
        plan = planned(document, kept, fragments)
        values: Any = plan.variables({})
        for _ in range(2):
            plan._variant(values)
        return kept

    compiled()
    kept, measured = kept_bytes(compiled)
    assert 0.8 * measured <= kept.weight <= 3 * measured


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Compilations:
    """Plans of documents with two conditions, which share what is kept."""

    def __init__(self, most: int) -> None:
        self.clock = Clock()
        self.freed: list[int] = []
        self.kept: LruCache[Variant] = LruCache(most, self.freed.append, self.clock)

    def plan(self, number: int) -> Plan:
        source = f'{CONDITIONS} x{number}: execution(id: "1") {{ {LEAVES} }} }}'
        document = parse(source)
        return planned(document, self.kept)

    def use(self, plan: Plan, *, a: bool = True, b: bool = True, times: int = 2) -> bool:
        """Whether it was compiled after so many uses."""
        values: Any = plan.variables({"a": a, "b": b})
        return [plan._variant(values) for _ in range(times)][-1] is not None


def test_what_comes_once_is_not_compiled() -> None:
    all_ = Compilations(10**9)
    assert not any(all_.use(all_.plan(number), times=1) for number in range(20))
    assert all_.kept.weight == 0
    assert all_.use(all_.plan(1))
    assert all_.kept.weight > 0


def test_what_is_compiled_stays_within_its_bytes_and_what_is_used_is_not_thrown_out() -> None:
    all_ = Compilations(500_000)
    plans = [all_.plan(number) for number in range(40)]
    compiled = [all_.use(plan, a=a, b=b) for plan in plans for a in (True, False) for b in (True, False)]
    assert all_.kept.weight <= 500_000
    assert 0 < sum(compiled) < len(compiled)
    # The first are there, and were not compiled again and again.
    assert all_.use(plans[0], times=1) and all_.freed == []
    all_.clock.now += UNUSED_S
    assert all_.use(plans[0], times=1)
    assert all_.use(plans[-1])
    assert all_.kept.weight <= 500_000 and all_.freed
    assert all_.use(plans[0], times=1)


def test_what_is_compiled_goes_with_its_document_and_when_nobody_uses_it() -> None:
    all_ = Compilations(500_000)
    plan = all_.plan(1)
    assert all_.use(plan)
    plan.close()
    assert all_.kept.weight == 0 and not all_.use(plan)
    assert all(all_.use(all_.plan(number)) for number in range(4))
    before = all_.kept.weight
    all_.kept.evict_unused()
    assert all_.kept.weight == before > 500_000 // 4
    all_.clock.now += UNUSED_S
    all_.kept.evict_unused()
    assert 0 <= all_.kept.weight <= 500_000 // 4


def ready(most: int = 10**9, clock: Clock | None = None) -> tuple[DocumentStore, DocumentCache]:
    kept = DocumentCache(most, now=clock or Clock())
    return DocumentStore(schema, DocumentLimits(), cache=kept), kept


def numbered(number: int) -> str:
    return f'{{ x{number}: execution(id: "1") {{ {LEAVES} }} }}'


def test_documents_stay_within_their_bytes_the_last_used_of_them() -> None:
    clock = Clock()
    documents, kept = ready(300_000, clock)
    first = documents.operation(numbered(0), None, None)
    for number in range(1, 100):
        documents.operation(numbered(number), None, None)
        assert kept.weight <= 300_000
        assert documents.operation(numbered(0), None, None) is first
    documents.operation("{ __typename " + " " * 60_000 + "}", None, None)
    kept.evict_unused()
    assert kept.weight > 300_000 // 4
    clock.now += UNUSED_S
    kept.evict_unused()
    assert kept.weight <= 300_000 // 4


def subscription(documents: DocumentStore, number: int) -> PreparedDocument:
    source = f"subscription S{number} {{ executionUpdates {{ cursor execution {{ {LEAVES} }} }} }}"
    operation: Operation = documents.operation(source, None, None)
    return operation.prepared


def test_subscriptions_keep_their_documents_within_bytes_per_client_and_in_all() -> None:
    documents, kept = ready(0)
    weight = subscription(documents, 0).weight
    open_ = SubscriptionMemory(kept, most=6 * weight, per_client=4 * weight)
    held = [open_.open("one", subscription(documents, number), {}) for number in range(3)]
    with pytest.raises(Refused, match="of this client") as refused:
        for number in range(3, 9):
            held.append(open_.open("one", subscription(documents, number), {}))
    [error] = refused.value.errors
    assert (error.extensions or {})["code"] == "SUBSCRIPTIONS_TOO_LARGE"
    with pytest.raises(Refused, match="of all clients"):
        for number in range(10, 19):
            held.append(open_.open("two", subscription(documents, number), {}))
    assert 5 * weight < open_.weight <= 6 * weight
    for one in held:
        one.release()
        one.release()
    assert open_.weight == 0 and kept.weight == 0


def test_a_document_counts_once_for_a_client_and_once_for_all_and_is_found_while_it_is_held() -> None:
    documents, kept = ready(0)
    document = subscription(documents, 1)
    open_ = SubscriptionMemory(kept, most=10**9, per_client=10**9)
    held = [open_.open(client, document, {}) for client in ("one", "one", "two")]
    assert document.weight < open_.weight < 2 * document.weight
    # Though there is no room for it otherwise: its subscriptions are shared by identity.
    assert subscription(documents, 1) is document
    for one in held:
        one.release()
    assert open_.weight == 0
    assert subscription(documents, 1) is not document


def test_variables_of_a_subscription_count_with_the_bytes_they_have_in_memory() -> None:
    documents, kept = ready()
    document = subscription(documents, 1)
    open_ = SubscriptionMemory(kept, most=10**9, per_client=document.weight + 1_000_000)
    with pytest.raises(Refused):
        open_.open("one", document, {"after": [{} for _ in range(10_000)]})
    open_.open("one", document, {"after": "x" * 1000})
    variables, measured = kept_bytes(lambda: {"a": [{"b": [f"{n}" for n in range(10)]} for _ in range(500)]})
    assert measured <= memory_of(variables) <= 4 * measured
