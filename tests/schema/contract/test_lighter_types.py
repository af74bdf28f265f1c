"""Types that share their methods and evaluate their annotations once are what Strawberry makes otherwise.

The contract is printed from such types, and `schema.graphql` was first printed from others.
"""

import dataclasses
from typing import Annotated, Generic, TypeVar

import pytest
from strawberry.types import object_type

import schema
from schema.contract.lighter_types import LighterDataclasses, strawberry
from store.records import with_shared_methods

T = TypeVar("T")
Text = Annotated["Later", strawberry.lazy("tests.schema.contract.test_lighter_types")]


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Page(Generic[T]):
    items: list[T]


@strawberry.input
class Asked:
    text: str = "nothing"
    numbers: list[int] = strawberry.field(default_factory=list)
    maybe: int | None = strawberry.UNSET


def answered(asked: Asked | None = None) -> str:
    return repr(asked)


@strawberry.type
class Root(Named):
    numbers: list[int]
    later: "Later"
    lazily: Text
    page: Page[int]
    answered: str = strawberry.field(resolver=answered)
    hidden: strawberry.Private[int] = 0

    @strawberry.field
    def twice(self) -> list[int]:
        return self.numbers * 2


@strawberry.type
class Later:
    value: int | None = None


def test_types_are_made_lighter() -> None:
    """Fails when a version of Strawberry has other names for what is replaced: nothing else would tell."""
    usual = vars(with_shared_methods(type("Usual", (), {})))
    for made in (schema.Query, Root, Later, Asked, Page):
        assert vars(made)["__eq__"] is usual["__eq__"] and vars(made)["__repr__"] is usual["__repr__"]
    annotation = Root.__strawberry_definition__.fields[0].type_annotation  # type: ignore[attr-defined]
    kept = annotation.resolve()
    annotation.set_namespace_from_field(Root.__strawberry_definition__.fields[0])  # type: ignore[attr-defined]
    assert annotation.__resolve_cache__ is kept


def test_what_strawberry_asks_of_dataclasses_it_gets() -> None:
    assert isinstance(vars(object_type)["dataclasses"], LighterDataclasses)
    assert object_type.dataclasses.fields is dataclasses.fields  # type: ignore[attr-defined]

    @object_type.dataclasses.dataclass(frozen=True)  # type: ignore[attr-defined]
    class Frozen:
        x: int

    with pytest.raises(dataclasses.FrozenInstanceError):
        Frozen(1).x = 2  # type: ignore[call-arg]


async def test_a_schema_of_such_types_answers() -> None:
    later = Later()
    root = Root(name="n", numbers=[1], later=later, lazily=Later(value=2), page=Page(items=[3]))
    assert later == Later(value=None) != Later(value=1) and repr(later) == "Later(value=None)"
    with pytest.raises(TypeError, match="missing 5 required keyword-only arguments"):
        Root()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unhashable"):
        hash(later)
    answer = await strawberry.Schema(query=Root).execute(
        """{
            name numbers twice later { value } lazily { value } page { items } answered
            asked: answered(asked: { numbers: [5] })
            __type(name: "Asked") { inputFields { name defaultValue } }
        }""",
        root_value=root,
    )
    assert answer.errors is None
    assert answer.data == {
        "name": "n",
        "numbers": [1],
        "twice": [1, 1],
        "later": {"value": None},
        "lazily": {"value": 2},
        "page": {"items": [3]},
        "answered": "None",
        "asked": "Asked(text='nothing', numbers=[5], maybe=UNSET)",
        "__type": {
            "inputFields": [
                {"name": "text", "defaultValue": '"nothing"'},
                {"name": "numbers", "defaultValue": "[]"},
                {"name": "maybe", "defaultValue": None},
            ]
        },
    }
