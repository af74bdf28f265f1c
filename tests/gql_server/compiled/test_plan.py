"""What a plan promises, one by one; that it answers what graphql-core does is in the tests beside this one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

import pytest
import strawberry
from graphql import DocumentNode, parse
from strawberry.dataloader import DataLoader
from strawberry.permission import BasePermission, PermissionExtension

from gql_server.compiled.plan import MAX_VARIANTS
from gql_server.compiled.strawberry_fields import direct, read_of
from schema import build_schema
from tests.helpers.compiled_servers import by_graphql_core, by_json_executor, by_plan, plan_of
from tests.helpers.places import REPOSITORY


class Never(BasePermission):
    message = "Never"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return False


@strawberry.type
class Part:
    name: str
    made: strawberry.Private[list[str]]

    @strawberry.field
    async def weight(self, info: strawberry.Info) -> int:
        weight: int = await info.context["weights"].load(self.name)
        return weight

    @strawberry.field
    def spelled(self, words: list[str]) -> str:
        words.append("changed")
        return ", ".join(words)

    @strawberry.field
    def told(
        self,
        word: str = "no word",
        more: int | None = 3,
        words: list[str] = strawberry.UNSET,
        last: int = 0,
    ) -> str:
        if isinstance(words, list):
            words.append("changed")
        return f"{word} {more} {words} {last}"

    @strawberry.field
    def nothing(self) -> str:
        found: str = None  # type: ignore[assignment]
        return found

    @strawberry.field
    def broken(self) -> str:
        raise ValueError(f"{self.name} is broken")

    @strawberry.field(extensions=[PermissionExtension(permissions=[Never()], use_directives=False)])  # type: ignore[untyped-decorator]
    def secret(self) -> str | None:
        self.made.append("told")
        return "told"


@strawberry.type
class Whole:
    parts: list[Part]
    spare: Part | None


@strawberry.type
class Query:
    @strawberry.field
    def whole(self, info: strawberry.Info) -> Whole:
        made = info.context["made"]
        return Whole(parts=[Part(name=name, made=made) for name in "abc"], spare=Part(name="s", made=made))


@strawberry.type
class Mutation:
    @strawberry.field
    async def slow(self, info: strawberry.Info, word: str) -> str:
        info.context["made"].append(f"{word} begins")
        await asyncio.sleep(0)
        info.context["made"].append(f"{word} ends")
        return word


schema = strawberry.Schema(Query, Mutation)


def context() -> dict[str, Any]:
    batches: list[list[str]] = []

    async def weights(names: list[str]) -> list[int]:
        batches.append(names)
        return [ord(name) for name in names]

    return {"weights": DataLoader(weights, cache=False), "batches": batches, "made": []}


async def both(source: str, variables: Mapping[str, Any] | None = None) -> tuple[Any, list[Any]]:
    """The plan's answer, which is also graphql-core's, and our executor's of it."""
    document = parse(source)
    answer = await by_plan(plan_of(schema, document), variables or {}, context())
    assert answer == await by_graphql_core(schema, document, variables or {}, context())
    assert answer == await by_json_executor(schema, document, variables or {}, context())
    return answer


async def test_an_error_nulls_the_nearest_that_may_be_null_and_says_where() -> None:
    data, [error] = await both("{ whole { spare { n: broken } parts { name } } }")
    assert data == {"whole": {"spare": None, "parts": [{"name": name} for name in "abc"]}}
    assert error == {
        "message": "s is broken",
        "locations": [{"line": 1, "column": 19}],
        "path": ["whole", "spare", "n"],
    }
    data, errors = await both("{ whole { parts { broken } } }")
    assert data is None
    assert [error["path"] for error in errors] == [["whole", "parts", 0, "broken"]]


async def test_null_is_an_error_where_there_must_be_a_value() -> None:
    data, [error] = await both("{ whole { spare { nothing } } }")
    assert data == {"whole": {"spare": None}}
    assert error["message"] == "Cannot return null for non-nullable field Part.nothing."


async def test_no_resolver_sees_what_another_did_to_its_arguments() -> None:
    plan = plan_of(schema, parse('{ whole { parts { spelled(words: ["a"]) } } }'))
    for _ in range(2):
        data, _ = await by_plan(plan, {}, context())
        assert data == {"whole": {"parts": 3 * [{"spelled": "a, changed"}]}}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"word": "w", "more": 4, "words": ["v"]},
        {"word": None},
        {"more": None, "words": ["v"]},
        {"words": None},
    ],
)
async def test_variables_are_arguments_as_graphql_core_makes_them(variables: Mapping[str, Any]) -> None:
    """With a value, null, or none; where null may be and where not; with and without a default."""
    source = """query ($word: String, $more: Int, $words: [String!]! = ["default"]) {
      whole {
        spare { told(word: $word, more: $more, words: $words, last: 7) }
        parts { told(more: $more, words: $words) }
      }
    }"""
    plan = plan_of(schema, parse(source))
    for _ in range(2):
        expected = await by_graphql_core(schema, parse(source), variables, context())
        assert await by_plan(plan, variables, context()) == expected


async def test_conditions_decide_for_each_request_what_is_there() -> None:
    source = """query ($no: Boolean!, $yes: Boolean = true) {
      whole @skip(if: $no) { spare { name @include(if: $yes) } }
    }"""
    plan = plan_of(schema, parse(source))
    for _ in range(2):
        assert await by_plan(plan, {"no": True}, context()) == ({}, [])
        assert await by_plan(plan, {"no": False}, context()) == ({"whole": {"spare": {"name": "s"}}}, [])
        assert await by_plan(plan, {"no": False, "yes": False}, context()) == ({"whole": {"spare": {}}}, [])


async def test_a_condition_that_is_null_is_an_error_and_no_decision() -> None:
    source = "query ($yes: Boolean = true) { whole { spare { name @include(if: $yes) } } }"
    data, [error] = await both(source, {"yes": None})
    assert data == {"whole": {"spare": None}}
    assert "null" in error["message"] or "None" in error["message"]


async def test_a_permission_is_asked_before_the_resolver() -> None:
    asking = context()
    document = parse("{ whole { spare { name secret } } }")
    data, [error] = await by_plan(plan_of(schema, document), {}, asking)
    assert data == {"whole": {"spare": {"name": "s", "secret": None}}}
    assert error["message"] == "Never"
    assert asking["made"] == []


async def test_what_the_compiler_does_not_know_graphql_core_executes() -> None:
    data, _ = await both("{ __schema { queryType { name } } whole { spare { name } } }")
    assert data == {"__schema": {"queryType": {"name": "Query"}}, "whole": {"spare": {"name": "s"}}}
    assert plan_of(schema, parse("{ __schema { queryType { name } } }")).sources({}) == []


async def test_there_are_no_more_variants_than_promised_and_the_answers_are_right_all_the_same() -> None:
    names = [f"v{number}" for number in range(6)]
    definitions = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    plan = plan_of(schema, parse(f"query ({definitions}) {{ whole {{ spare {{ {fields} }} }} }}"))
    for number in range(2 ** len(names)):
        chosen = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        data, errors = await by_plan(plan, chosen, context())
        assert (list(data["whole"]["spare"]), errors) == ([name for name in names if chosen[name]], [])
    assert len(plan._variants) == MAX_VARIANTS


async def test_siblings_wait_together() -> None:
    asking = context()
    document = parse("{ whole { parts { weight w: weight } spare { weight } } }")
    data, _ = await by_plan(plan_of(schema, document), {}, asking)
    assert data["whole"]["parts"][2] == {"weight": 99, "w": 99}
    assert [sorted(batch) for batch in asking["batches"]] == [["a", "a", "b", "b", "c", "c", "s"]]


async def test_fields_of_a_mutation_wait_for_each_other() -> None:
    asking = context()
    document = parse('mutation { a: slow(word: "a") b: slow(word: "b") }')
    assert await by_plan(plan_of(schema, document), {}, asking) == ({"a": "a", "b": "b"}, [])
    assert asking["made"] == ["a begins", "a ends", "b begins", "b ends"]


async def test_who_stops_waiting_stops_the_resolvers() -> None:
    ended: list[str] = []

    @strawberry.type
    class Endless:
        @strawberry.field
        async def first(self) -> str:
            return await _for_ever("first")

        @strawberry.field
        async def second(self) -> str:
            return await _for_ever("second")

    async def _for_ever(name: str) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)
        return name

    endless = strawberry.Schema(Endless)
    coming = plan_of(endless, parse("{ first second }")).execute(None, {})
    assert inspect.iscoroutine(coming)
    task = asyncio.create_task(coming)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == ["first", "second"]


def test_fields_of_ours_are_read_without_any_machinery() -> None:
    """What is known of Strawberry is what Strawberry does: else everything would be right, and slow."""
    ours = build_schema()._schema
    execution: Any = ours.type_map["Execution"]
    assert all(read_of(execution.fields[name]) for name in ("id", "status", "queuedAt", "progress"))
    assert read_of(execution.fields["toolCalls"]) is None
    called = direct(execution.fields["toolCalls"], ours)
    assert called is not None and called.takes_info
    assert ours.mutation_type is not None and ours.query_type is not None
    assert all(direct(field, ours) is None for field in ours.mutation_type.fields.values())
    # Who may ask for webhooks is checked by an extension, as for mutations.
    unknown = {name for name, field in ours.query_type.fields.items() if direct(field, ours) is None}
    assert unknown == {"reevImports", "webhooks"}


def test_the_code_in_the_docs_is_the_code_that_is_written() -> None:
    page = (REPOSITORY / "docs" / "compiled-execution.md").read_text(encoding="utf-8")
    document = _block(page, "graphql")
    plan = plan_of(build_schema(), document)
    [source] = [source for source in plan.sources({"withScore": True}) if "def Execution_" in source]
    assert f"```python\n{source}```" in page


def _block(page: str, language: str) -> DocumentNode:
    return parse(page.split(f"```{language}\n")[1].split("```")[0])
