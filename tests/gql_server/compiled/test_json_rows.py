"""What PostgreSQL writes as JSON is what the ordinary way answers, whatever is selected and rows hold."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.launchers.runner_config import RunnerConfig
from schema import build_schema
from schema.contract.context import Context
from store.json.columns import BENCHMARK_OF_LIST, EXECUTION, JsonTable
from store.live.hub import Hub
from store.postgres.database import Database
from tests.conftest import cloned_database
from tests.helpers.compiled_servers import by_graphql_core, by_json_executor, by_plan, plan_of
from tests.helpers.hard_rows import AGENTS, fill
from tests.helpers.statements import statements_sent

WRITTEN = "'{\""
"""Is in every statement that writes objects."""

IN_COLUMNS = "SELECT e.id, "
"""Begins those that read a single one in columns."""

ELSEWHERE = [
    *("steps { ordinal }", "trace", "events(first: 2) { kind }", "queuePosition", "rerunOf { id }"),
    *("benchmark { runnableLocally }", "benchmark { remarks { path } }"),
]
"""What PostgreSQL does not write."""


@pytest.fixture(scope="module")
def hard_url() -> Iterator[str]:
    """One database for all examples, which only read; its sessions are in a zone far from UTC."""
    with cloned_database(os.environ["REEV_GQL_TEST_TEMPLATE"]) as url:
        yield f"{url}{'&' if '?' in url else '?'}timezone=Asia/Kathmandu"


@pytest.fixture
async def context(hard_url: str) -> AsyncIterator[Context]:
    db = await Database.open(hard_url)
    try:
        if not await db.fetchval("SELECT count(*) FROM executions"):
            await fill(db)
        hub = await Hub.start(db)
        try:
            yield Context.build(
                db, hub, RunnerConfig(benchmarks_dir=Path("benchmarks"), agents=AGENTS[:3]), Definitions()
            )
        finally:
            await hub.close()
    finally:
        await db.close()


@pytest.fixture(scope="module")
def schema() -> strawberry.Schema:
    return build_schema()


async def same(schema: strawberry.Schema, context: Context, text: str, **variables: object) -> list[str]:
    """The statements that the plan sent for an answer that equals graphql-core's, errors and all.

    Without compiled execution the same statements are sent, for the same answer.
    """
    document = parse(text)
    expected = await by_graphql_core(schema, document, variables, context)
    with statements_sent() as sent:
        found = await by_plan(plan_of(schema, document), variables, context)
    assert found == expected, text
    with statements_sent() as sent_without:
        assert await by_json_executor(schema, document, variables, context) == expected, text
    assert sorted(sent_without) == sorted(sent), text
    assert found[0] is not None or "PAGE_SIZE" in str(found[1]), text
    return sent


def api_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


OBJECTS = {
    name: kind
    for name, kind in build_schema()._schema.type_map.items()
    if isinstance(kind, GraphQLObjectType)
}
"""The types of the API."""


def leaves(table: JsonTable, kind: GraphQLObjectType) -> list[str]:
    """The columns that the API has as values of `kind`; a few it has as objects, or not at all."""
    known = {name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type))}
    return [api_name(name) for name in table.columns if api_name(name) in known]


def related(table: JsonTable, kind: GraphQLObjectType) -> list[tuple[str, JsonTable, GraphQLObjectType]]:
    """The relations, with the type of the API that each gives."""
    found = []
    for name, relation in table.relations.items():
        below = get_named_type(kind.fields[api_name(name)].type)
        found.append((api_name(name), relation.table, OBJECTS[below.name]))
    return found


def objects(table: JsonTable, kind: GraphQLObjectType) -> st.SearchStrategy[str]:
    """Selections of what can be written, some under other names; JSON and lists of objects below it too."""
    names = st.sampled_from(leaves(table, kind))
    inner = [_below(*relation) for relation in related(table, kind)]
    aliased = st.tuples(
        st.sampled_from(["", "a: ", f"{'a' * 64}: ", "object: "]), st.one_of(names, names, *inner)
    )
    return st.lists(aliased, min_size=1, max_size=7).map(_selection)


def _below(name: str, table: JsonTable, kind: GraphQLObjectType) -> st.SearchStrategy[str]:
    return objects(table, kind).map(lambda below: f"{name} {below}")


def _selection(fields: list[tuple[str, str]]) -> str:
    """No two of the same key; an alias goes before a name that is an alias as well."""
    by_key = {alias or field.split()[0]: f"{alias}{field}" for alias, field in fields}
    return f"{{ __typename {' '.join(by_key.values())} }}"


ID = str(uuid.UUID("c4ca4238a0b923820dcc509a6f75849b"))
ORDERS = ["", ", orderBy: {field: SCORE}", ", orderBy: {field: EXECUTION_TIME, direction: ASC}"]
PLACES = [
    "executions(first: 60{order}) {{ nodes {it} }}",
    "executions(first: 20{order}) {{ totalCount nodes {it} pageInfo {{ endCursor hasNextPage }} }}",
    "executions(last: 7{order}) {{ items: nodes {it} updatesCursor __typename }}",
    "executions(first: 9{order}) {{ edges {{ at: cursor node {it} cursor }} pageInfo {{ startCursor }} }}",
    'execution(id: "{id}") {it} again: execution(id: "{id}") {it} none: execution(id: "{none}") {it}',
    "benchmarks {{ nodes {{ id latestExecution {it} latestExecutions {it} }} }}",
    "benchmarks {{ nodes {{ id latestExecutions(everyAgent: true) {it} }} }}",
    "benchmarks(first: 2) {{ edges {{ node {{ prompt latestExecutions(everyAgent: true) {it} }} }} }}",
    "benchmarks(first: 2) {{ pageInfo {{ endCursor }} nodes {{ executions(first: 4) {{ n: nodes {it} }} }} }}",
    "benchmarks {{ nodes {{ flowType latestExecution {it} latestExecutions {it} }} }}",
    "benchmarks {{ nodes {{ executions(first: 4) {{ nodes {it} totalCount }} }} }}",
    'benchmarks {{ nodes {{ latestExecution(agent: "plain") {it} }} }}',
    'benchmarks {{ nodes {{ latestExecutions(agents: ["?", "plain", "plain"]) {it} }} }}',
]


async def test_every_selection_is_answered_as_without_it(schema: strawberry.Schema, context: Context) -> None:
    """Hypothesis draws the documents; they are tried here, in one loop."""
    drawn: list[str] = []

    @settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(PLACES), st.sampled_from(ORDERS), objects(EXECUTION, OBJECTS["Execution"]))
    def draw(place: str, order: str, it: str) -> None:
        drawn.append(f"{{ {place.format(order=order, it=it, id=ID, none=uuid.UUID(int=1))} }}")

    draw()
    for text in drawn:
        sent = await same(schema, context, text)
        assert any(WRITTEN in statement or statement.startswith(IN_COLUMNS) for statement in sent), text
    assert len(set(drawn)) > 10


def everything(table: JsonTable, kind: GraphQLObjectType) -> str:
    """The selection of all that can be written."""
    below = (f"{name} {everything(inner, of)}" for name, inner, of in related(table, kind))
    return f"{{ {' '.join([*leaves(table, kind), *below])} }}"


async def test_all_of_every_row_is_answered_as_without_it(
    schema: strawberry.Schema, context: Context
) -> None:
    sent = await same(
        schema,
        context,
        f"{{ executions(first: 60) {{ nodes {everything(EXECUTION, OBJECTS['Execution'])} }} }}",
    )
    assert len(sent) == 1


BENCHMARKS = [
    "(first: 2) { __typename totalCount nodes {it} pageInfo { startCursor endCursor hasNextPage } updatesCursor }",
    "(last: 2) { items: nodes {it} pageInfo { startCursor endCursor hasNextPage hasPreviousPage } }",
    '(filter: { ids: ["b1", "nope"] }) { nodes {it} }',
]


@pytest.mark.parametrize("arguments", BENCHMARKS)
async def test_benchmarks_are_written_with_what_python_tells_of_them(
    schema: strawberry.Schema, context: Context, arguments: str
) -> None:
    columns = " ".join(leaves(BENCHMARK_OF_LIST, OBJECTS["Benchmark"]))
    latest = f"latestExecutions {everything(EXECUTION, OBJECTS['Execution'])}"
    it = f"why: whyNotRunnableLocally {columns} runnableLocally {latest} __typename"
    for inner in ("", "(agents: [])", '(agents: ["?", "plain", "plain", "a\\u0000b"])', "(agents: null)"):
        other = f"other: latestExecutions{inner} {{ id agent }} executions {{ n: nodes {{ id }} __typename }}"
        sent = await same(
            schema, context, f"{{ benchmarks{arguments.replace('{it}', f'{{ {it} {other} }}')} }}"
        )
        assert len(sent) == 1 + ("totalCount" in arguments)
    await same(schema, context, "{ benchmarks { nodes { runnableLocally } } }")


async def test_a_definition_that_was_not_read_yet_is_read(
    schema: strawberry.Schema, context: Context
) -> None:
    document = parse("{ benchmarks { nodes { id whyNotRunnableLocally runnableLocally } } }")
    expected = await by_graphql_core(schema, document, {}, context)
    fresh = Context.build(context.db, context.hub, context.runner, Definitions())
    for statements in (2, 1):
        with statements_sent() as sent:
            assert await by_plan(plan_of(schema, document), {}, fresh) == expected
        assert len(sent) == statements


@pytest.mark.parametrize(
    "field",
    [
        "flowType",
        'latestExecution(agent: "plain") { id }',
        'latestExecutions(agents: "plain") { id }',
        "latestExecutions(agents: $agents) { id }",
        "executions(first: 0) { nodes { id } }",
        "executions(first: 201) { nodes { id } }",
        "executions(last: 2) { nodes { id } }",
        "executions(first: 2, filter: {statuses: [FAILED]}) { nodes { id } }",
        "executions(first: 2) { nodes { id } totalCount }",
        "executions(first: 2) { edges { node { id } } }",
        "performance { agent }",
    ],
)
async def test_a_benchmark_of_which_more_is_asked_is_an_ordinary_object(
    schema: strawberry.Schema, context: Context, field: str
) -> None:
    text = f"query ($agents: [String!]) {{ benchmarks {{ nodes {{ id {field} }} }} }}"
    sent = await same(schema, context, text, agents=["plain"])
    assert not any('"part 0"' in statement for statement in sent)


@pytest.mark.parametrize("field", ELSEWHERE)
async def test_one_field_that_is_made_in_python_and_all_of_them_are(
    schema: strawberry.Schema, context: Context, field: str
) -> None:
    sent = await same(schema, context, f"{{ executions(first: 3) {{ nodes {{ id status {field} }} }} }}")
    assert not any(WRITTEN in statement for statement in sent)


async def test_two_lists_of_the_same_page_are_read_once(schema: strawberry.Schema, context: Context) -> None:
    for more in ("nodes { status }", "edges { cursor }", "again: nodes { id }"):
        text = f"{{ executions(first: 3) {{ nodes {{ id }} {more} }} }}"
        sent = await same(
            schema, context, text.replace("again: nodes { id }", "nodes { id } again: nodes { id }")
        )
        assert len(sent) == 1


async def test_a_page_with_all_that_belongs_to_it_is_one_statement(
    schema: strawberry.Schema, context: Context
) -> None:
    below = "benchmark { id description } toolCalls { name params } failure { kind } progress { fraction }"
    sent = await same(
        schema, context, f"query ($n: Int) {{ executions(first: $n) {{ nodes {{ id {below} }} }} }}", n=20
    )
    assert len(sent) == 1
    latest = f"latestExecutions {{ id {below} }}"
    assert len(await same(schema, context, f"{{ benchmarks {{ nodes {{ id {latest} }} }} }}")) == 1
    assert len(await same(schema, context, f"{{ benchmarks {{ nodes {{ id flowType {latest} }} }} }}")) == 2


async def test_the_calls_of_an_execution_that_is_read_whole_are_written_too(
    schema: strawberry.Schema, context: Context
) -> None:
    text = f'{{ execution(id: "{ID}") {{ trace toolCalls {{ __typename startedAt e: params result }} }} }}'
    sent = await same(schema, context, text)
    assert [WRITTEN in statement for statement in sent].count(True) == 1


@pytest.mark.parametrize(
    "place",
    [
        "executions(first: 60) {{ nodes {it} }}",
        "executions(first: 60) {{ edges {{ node {it} }} }}",
        'execution(id: "{id}") {it}',
        "benchmarks {{ nodes {{ latestExecution {it} latestExecutions {it} executions {{ nodes {it} }} }} }}",
    ],
)
async def test_a_number_that_the_api_cannot_hold_is_an_error_of_its_field(
    schema: strawberry.Schema, context: Context, place: str
) -> None:
    """Such rows are read whole: JSON that is ready has no errors."""
    too_long = 2**31
    try:
        await context.db.execute(
            "UPDATE execution_tool_calls SET duration_ms = $1 WHERE ordinal = 2", too_long
        )
        text = place.format(it="{ id toolCalls { ordinal durationMs } }", id=ID)
        document = parse(f"{{ {text} }}")
        data, errors = await by_plan(plan_of(schema, document), {}, context)
        expected, told = await by_graphql_core(schema, document, {}, context)
        assert data == expected and sorted(map(str, errors)) == sorted(map(str, told))
        assert data and errors and all("32-bit" in error["message"] for error in errors)
    finally:
        await context.db.execute("UPDATE execution_tool_calls SET duration_ms = 2 WHERE ordinal = 2")


async def test_a_float_is_a_float_to_who_tells_the_two_kinds_of_number_apart(
    schema: strawberry.Schema, context: Context
) -> None:
    document = parse("{ executions(first: 60) { nodes { score computedScore progress { fraction } } } }")
    data, _ = await by_plan(plan_of(schema, document), {}, context)
    expected, _ = await by_graphql_core(schema, document, {}, context)
    assert repr(data) == repr(expected)
    numbers = [node["score"] for node in data["executions"]["nodes"]]
    assert {1.0, 100.0, 5e-324, None} < set(numbers)


async def test_what_is_no_number_is_an_error_of_its_field(
    schema: strawberry.Schema, context: Context
) -> None:
    text = f'{{ execution(id: "{ID}") {{ computedScore }} executions(first: 60) {{ nodes {{ computedScore }} }} }}'
    was = await context.db.fetchval("SELECT scoring FROM executions WHERE id = $1", ID)
    await context.db.execute("ALTER TABLE executions DISABLE TRIGGER USER")
    change = "UPDATE executions SET scoring = $2 WHERE id = $1"
    try:
        await context.db.execute(change, ID, {"score": "NaN"})
        data, errors = await by_plan(plan_of(schema, parse(text)), {}, context)
        expected, told = await by_graphql_core(schema, parse(text), {}, context)
        assert data == expected and sorted(map(str, errors)) == sorted(map(str, told)) and len(errors) == 2
    finally:
        await context.db.execute(change, ID, was)
        await context.db.execute("ALTER TABLE executions ENABLE TRIGGER USER")


async def test_a_moment_is_spelled_in_utc_with_six_digits_or_none(
    schema: strawberry.Schema, context: Context
) -> None:
    """PostgreSQL leaves zeros at the end out, and writes the zone of the session."""
    fractions = ("0", "0.5", "0.000001", "0.00001", "0.999990", "0.999999", "0.123456", "59.91")
    wanted = "SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM executions ORDER BY id LIMIT $1) AS e"
    ids = await context.db.fetchval(wanted, len(fractions))
    was = await context.db.fetch("SELECT id, last_activity_at FROM executions WHERE id = ANY($1)", ids)
    change = (
        "UPDATE executions AS e SET last_activity_at = new.at"
        " FROM unnest($1::uuid[], $2::timestamptz[]) AS new (id, at) WHERE e.id = new.id"
    )
    moments = [
        dt.datetime(2024, 12, 31, 23, 59, tzinfo=dt.UTC) + dt.timedelta(seconds=float(s)) for s in fractions
    ]
    await context.db.execute("ALTER TABLE executions DISABLE TRIGGER USER")
    try:
        await context.db.execute(change, ids, moments)
        text = " ".join(f'e{n}: execution(id: "{id_}") {{ lastActivityAt }}' for n, id_ in enumerate(ids))
        data, errors = await by_plan(plan_of(schema, parse(f"{{ {text} }}")), {}, context)
        assert not errors
        assert [one["lastActivityAt"] for one in data.values()] == [at.isoformat() for at in moments]
    finally:
        await context.db.execute(change, [row["id"] for row in was], [row["last_activity_at"] for row in was])
        await context.db.execute("ALTER TABLE executions ENABLE TRIGGER USER")
