"""What a resolver is told of the selection below it, and what becomes of JSON that it has ready."""

from __future__ import annotations

import strawberry
from graphql import parse

from schema.contract.selection import ReadyJson, SelectedField, Selection, selection_of
from tests.helpers.compiled_servers import Answer, by_graphql_core, by_json_executor, by_plan, plan_of

seen: list[Selection | None] = []


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Thing(Named):
    size: int

    @strawberry.field
    def part(self, info: strawberry.Info, number: int = 0) -> Thing:
        seen.append(selection_of(info))
        return Thing(name=f"{self.name}.{number}", size=number)


@strawberry.type
class Query:
    @strawberry.field
    async def things(self, info: strawberry.Info) -> list[Thing]:
        selection = selection_of(info)
        seen.append(selection)
        if selection is None:
            return [Thing(name="slow", size=1)]
        made = ReadyJson(b'[{"%s": "ready"}]' % selection.fields[0].response_key.encode())
        result: list[Thing] = made  # type: ignore[assignment]
        return result

    @strawberry.field
    def named(self, info: strawberry.Info) -> Named:
        seen.append(selection_of(info))
        return Thing(name="a", size=1)

    @strawberry.field
    def text(self, info: strawberry.Info) -> str:
        result: str = ReadyJson(b'"ready"')  # type: ignore[assignment]
        return result if selection_of(info) else "slow"


schema = strawberry.Schema(Query, types=[Thing])


def selected(key: str, name: str, *fields: SelectedField, **arguments: object) -> SelectedField:
    return SelectedField(key, name, "Thing", arguments, fields)


async def test_json_that_is_ready_goes_into_the_answer_as_it_is() -> None:
    document = parse("{ things { called: name } text }")
    plan = plan_of(schema, document)
    ready: Answer = ({"things": [{"called": "ready"}], "text": "ready"}, [])
    assert await by_plan(plan, {}) == ready
    assert await by_json_executor(schema, document, {}) == ready
    assert await by_graphql_core(schema, document, {}) == (
        {"things": [{"called": "slow"}], "text": "slow"},
        [],
    )


async def test_the_selection_of_a_place_is_one_for_all_requests() -> None:
    plan = plan_of(
        schema,
        parse("{ things { name ...more } } fragment more on Thing { p: part(number: 2) { size name } name }"),
    )
    seen.clear()
    await by_plan(plan, {})
    await by_plan(plan, {})
    first, second = seen
    assert first is second
    assert first is not None and first.fields == (
        selected("name", "name"),
        selected("p", "part", selected("size", "size"), selected("name", "name"), number=2),
    )


async def test_without_compiled_code_the_selection_of_a_place_is_the_same() -> None:
    document = parse("{ things { name p: part(number: 2) { size } } named { name } }")
    seen.clear()
    await by_plan(plan_of(schema, document), {})
    compiled = [*seen]
    seen.clear()
    await by_json_executor(schema, document, {})
    assert seen == compiled and None in compiled


async def test_there_is_no_selection_where_requests_or_values_decide_about_it() -> None:
    seen.clear()
    varying = plan_of(schema, parse("query ($n: Int!) { things { part(number: $n) { name } } }"))
    assert await by_plan(varying, {"n": 3}) == ({"things": [{"part": {"name": "slow.3"}}]}, [])
    abstract = plan_of(schema, parse("{ named { name } }"))
    assert await by_plan(abstract, {}) == ({"named": {"name": "a"}}, [])
    assert seen == [None, Selection((selected("name", "name"),)), None]


async def test_a_condition_gives_each_of_its_outcomes_a_selection() -> None:
    plan = plan_of(schema, parse("query ($b: Boolean!) { things { name size @include(if: $b) } }"))
    seen.clear()
    for outcome in (True, False, True):
        await by_plan(plan, {"b": outcome})
    with_size, without, again = seen
    assert with_size is again is not without
    assert with_size == Selection((selected("name", "name"), selected("size", "size")))
    assert without == Selection((selected("name", "name"),))
