"""A column is declared by one line of store.model; rows, JSON and the API know it by that line."""

from __future__ import annotations

import strawberry
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_non_null_type

from gql_server.compiled.strawberry_fields import read_of
from schema import build_schema
from store import model
from store.columns import columns_of, reader
from store.executions import rows
from store.json import lists
from store.json.columns import EXECUTION, JsonTable, columns_as_json
from store.json.rows import JsonMember, JsonRow
from store.postgres.database import Database
from store.records import record
from tests.helpers.stored_rows import queued

COMPUTED = {"queue_duration_ms"}
"""Properties of model.Execution."""


async def test_every_declared_column_is_one_of_the_table(db: Database) -> None:
    found = await db.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'executions'"
    )
    assert {column.name for column in columns_of(model.Execution)} <= {row["column_name"] for row in found}


def test_what_the_api_reads_from_a_row_is_a_declared_column_of_the_same_type_and_has_json() -> None:
    kind = build_schema()._schema.type_map["Execution"]
    assert isinstance(kind, GraphQLObjectType)
    columns = {column.field: column for column in columns_of(model.Execution)}
    plain = {name: field for field in kind.fields.values() if isinstance(name := read_of(field), str)}
    assert len(plain) > 20
    for name, field in plain.items():
        is_nullable = not is_non_null_type(field.type)
        if name in COMPUTED:
            assert name in EXECUTION.columns
            continue
        assert is_nullable is columns[name].is_nullable, name
        written = EXECUTION.columns if is_leaf_type(get_named_type(field.type)) else EXECUTION.relations
        assert name in written, name


@record
class Wider(model.Execution):
    """An execution with one column more: this line is what declares it."""

    cost_usd: float | None


@strawberry.type
class WiderType:
    cost_usd: float | None


@strawberry.type
class Query:
    execution: Wider = strawberry.field(graphql_type=WiderType)


async def test_a_new_column_is_a_migration_and_a_line(db: Database) -> None:
    execution = await queued(db)
    await db.execute("ALTER TABLE executions ADD COLUMN cost_usd double precision")
    await db.execute("UPDATE executions SET cost_usd = 3")
    [row] = await db.fetch("SELECT * FROM executions")
    assert rows.execution(row) == execution
    wider = reader(Wider)(row)
    assert (wider.id, wider.cost_usd) == (execution.id, 3.0)

    answer = await strawberry.Schema(Query).execute(
        "{ execution { costUsd } }", root_value=Query(execution=wider)
    )
    assert answer.data == {"execution": {"costUsd": 3.0}}
    written = JsonRow.of([JsonMember("costUsd", "cost_usd")], JsonTable(columns_as_json(Wider)))
    assert written is not None
    assert await lists.by_ids(db, written, [execution.id]) == {execution.id: '{"costUsd":3.0}'}
