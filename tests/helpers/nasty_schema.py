"""A schema in which everything goes wrong somewhere: at every depth, at once or later, where null may be or not.

What a value is follows from the seed and from where it is, so that two executions meet the same.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import zlib
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Annotated, Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.config import StrawberryConfig

Picky = NewType("Picky", str)


def _write_picky(value: Any) -> Any:
    match value:
        case "nothing":
            return None
        case "bad":
            raise ValueError("Picky does not like it")
        case _:
            return {"picky": value}


@strawberry.enum
class Color(Enum):
    RED = "r"
    BLUE = "b"
    CRIMSON = strawberry.enum_value("c", name="DARK_RED")


class Later:
    """Awaitable as often as one likes, and no coroutine."""

    def __init__(self, make: Callable[[], Any], turns: int) -> None:
        self._make, self._turns = make, turns

    def __await__(self) -> Generator[Any, None, Any]:
        for _ in range(self._turns):
            yield from asyncio.sleep(0).__await__()
        return self._make()


class Refused(Exception):
    """An error with words of its own for the client."""


@dataclass(frozen=True)
class Dice:
    """Where in the world we are; throws the same whenever it is asked."""

    seed: int
    place: str = ""
    trouble: float = 0.2

    def at(self, step: object) -> Dice:
        return Dice(self.seed, f"{self.place}/{step}", self.trouble)

    def random(self) -> Random:
        return Random(zlib.crc32(f"{self.seed}{self.place}".encode()))

    def value(self, good: Callable[[Random], Any], bad: tuple[Any, ...] = ()) -> Any:
        """What a field gives: mostly `good`, else null, an error in any of its forms, or one of `bad`."""
        random = self.random()
        if random.random() > self.trouble:
            found = good(random)
            return Later(lambda: found, random.randint(0, 3)) if random.random() < 0.15 else found
        match random.choice(("null", "raise", "located", "exception", "later", "bad", "bad")):
            case "null":
                return None
            case "raise":
                raise ValueError(f"raised at {self.place}")
            case "located":
                raise GraphQLError(f"refused at {self.place}", extensions={"code": "REFUSED"})
            case "exception":
                return Refused(f"an exception at {self.place}")
            case "later":
                return Later(self._raise, random.randint(0, 3))
            case _:
                return random.choice(bad or (None,))

    def _raise(self) -> Any:
        raise ValueError(f"raised later at {self.place}")


class Careless(FieldExtension):
    """Does something to every value, as an extension may."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs)


class Sometimes(BasePermission):
    message = "Not today"
    error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return bool(source.dice.at("permission").random().random() < 0.7)


def permitted() -> list[FieldExtension]:
    return [PermissionExtension(permissions=[Sometimes()], use_directives=False)]


class World:
    """Attributes come from the dice when they are read: nothing is stored, and reading may raise."""

    dice: Dice

    def __getattr__(self, name: str) -> Any:
        kind = KINDS.get(name)
        if kind is None:
            raise AttributeError(name)
        good, bad = kind
        here = self.dice.at(name)
        return here.value(lambda random: good(here, random), bad)


def new(kind: type, dice: Dice) -> Any:
    """An object of `kind` whose fields are as the dice have them."""
    made: Any = object.__new__(kind)
    made.dice = dice
    return made


def a_branch(dice: Dice, random: Random) -> Any:
    return new(Branch, dice)


def a_node(dice: Dice, random: Random) -> Any:
    return new(random.choice((Branch, Leaf)), dice)


def several(make: Callable[[Dice, Random], Any], bad: tuple[Any, ...] = ()) -> Callable[[Dice, Random], Any]:
    def made(dice: Dice, random: Random) -> Any:
        items: list[Any] = [item(dice.at(index), make, bad) for index in range(random.randint(0, 3))]
        shape: Any = random.choice((list, list, tuple, iter))
        return shape(items)

    def item(dice: Dice, make: Callable[[Dice, Random], Any], bad: tuple[Any, ...]) -> Any:
        try:
            return dice.value(lambda random: make(dice, random), bad)
        except Exception as error:
            return error

    return made


def number(dice: Dice, random: Random) -> Any:
    return random.choice((0, 1, -1, 2**31 - 1, True, "7", 3.0))


def text(dice: Dice, random: Random) -> Any:
    return random.choice(("", "a", "é \N{GRINNING FACE}", 7, True, 1.5))


def color(dice: Dice, random: Random) -> Any:
    return random.choice((*Color, "r"))


def moment(dice: Dice, random: Random) -> Any:
    zone = random.choice((dt.UTC, None, dt.timezone(dt.timedelta(hours=2))))
    return dt.datetime(random.choice((1, 2026)), 2, 3, 4, 5, 6, random.choice((0, 7, 120_000)), zone)


def picky(dice: Dice, random: Random) -> Any:
    return random.choice(("fine", 3, ["a"]))


ODD: tuple[Any, ...] = (object, {}, float("nan"), 2**40, [], "nonsense", b"bytes")
NO_OBJECTS: tuple[Any, ...] = (3, "nonsense", [])
NO_LISTS: tuple[Any, ...] = (3, "nonsense", object)

Kind = tuple[Callable[[Dice, Random], Any], tuple[Any, ...]]

KINDS: dict[str, Kind] = {
    "name": (text, ODD),
    "must": (text, ODD),
    "size": (number, ODD),
    "weight": (lambda dice, random: random.choice((0.5, 2, "1.5", -0.0)), (*ODD, float("inf"))),
    "flag": (lambda dice, random: random.choice((True, False, 0, 1.0)), ODD),
    "color": (color, ODD),
    "color_must": (color, ODD),
    "at": (moment, ("soon", 3)),
    "picky": (picky, ("nothing", "bad")),
    "picky_must": (picky, ("nothing", "bad")),
    "blob": (lambda dice, random: {"a": [1, None, "x"]}, ()),
    "names": (several(text, ODD), NO_LISTS),
    "matrix": (several(several(number, ODD), NO_LISTS), NO_LISTS),
    "kid": (a_branch, ()),
    "kid_must": (a_branch, ()),
    "kids": (several(a_branch), NO_LISTS),
    "kids_must": (several(a_branch), NO_LISTS),
    "loose": (lambda dice, random: new(Loose, dice), ()),
    "loose_many": (several(lambda dice, random: new(Loose, dice)), NO_LISTS),
    "node": (a_node, NO_OBJECTS),
    "nodes": (several(a_node, NO_OBJECTS), NO_LISTS),
    "one_of": (a_node, NO_OBJECTS),
    "any_must": (several(a_node, NO_OBJECTS), NO_LISTS),
}


@strawberry.interface
class Node(World):
    dice: strawberry.Private[Dice]
    name: str | None
    must: str
    kid: Branch | None


@strawberry.type
class Loose(World):
    """Of no interface, so that nothing checks what it is."""

    dice: strawberry.Private[Dice]
    name: str | None
    must: str
    size: int | None
    color: Color | None
    at: dt.datetime | None
    loose: Loose | None
    names: list[str] | None

    @strawberry.field
    def steps(self, info: strawberry.Info) -> list[str]:
        return [str(step) for step in info.path.as_list()]

    @strawberry.field
    async def told(
        self, info: strawberry.Info, number: int = 3, words: list[str] | None = None
    ) -> str | None:
        here = self.dice.at(f"told{number}{words}")
        for _ in range(here.random().randint(0, 3)):
            await asyncio.sleep(0)
        found: Any = here.value(lambda random: f"{number} {words} {info.variable_values}")
        result: str | None = await found if isinstance(found, Later) else found
        return result


@strawberry.type
class Leaf(Node):
    size: int
    picky: Picky | None


@strawberry.type
class Branch(Node):
    size: int | None
    weight: float
    flag: bool | None
    color: Color | None
    color_must: Color
    at: dt.datetime | None
    picky: Picky | None
    picky_must: Picky
    blob: strawberry.scalars.JSON | None
    names: list[str | None] | None
    matrix: list[list[int]]
    kid_must: Branch
    kids: list[Branch | None]
    kids_must: list[Branch] | None
    loose: Loose
    loose_many: list[Loose] | None
    node: Node | None
    nodes: list[Node] | None
    one_of: Annotated[Branch | Leaf, strawberry.union("AnyOf")] | None
    any_must: list[Annotated[Branch | Leaf, strawberry.union("AnyOf")]]

    @strawberry.field(extensions=[Careless()])  # type: ignore[untyped-decorator]
    def again(self) -> Branch:
        here = self.dice.at("again")
        found: Branch = here.value(lambda random: new(Branch, here))
        return found

    @strawberry.field
    async def soon(self, info: strawberry.Info) -> Branch:
        here = self.dice.at("soon")
        for _ in range(here.random().randint(0, 4)):
            await asyncio.sleep(0)
        found: Any = here.value(lambda random: new(Branch, here))
        result: Branch = await found if isinstance(found, Later) else found
        return result

    @strawberry.field
    async def soon_many(self, first: int = 2) -> list[Branch | None]:
        here = self.dice.at("soon_many")
        await asyncio.sleep(0)
        found: list[Branch | None] = here.value(
            lambda random: [new(Branch, here.at(index)) for index in range(min(first, 3))], NO_LISTS
        )
        return found

    @strawberry.field(extensions=permitted())  # type: ignore[untyped-decorator]
    def secret(self) -> str | None:
        return "told"

    @strawberry.field(extensions=permitted())  # type: ignore[untyped-decorator]
    async def secret_must(self) -> str:
        return "told"

    @strawberry.field
    def echo(
        self,
        info: strawberry.Info,
        number: int = 3,
        words: list[str] | None = None,
        color: Color | None = None,
        filter: Filter | None = None,
        source: str = "s",
    ) -> str:
        told = [number, words, color, filter, source, info.path.as_list(), info.field_name]
        # A resolver may do to its arguments what it likes.
        (words or []).append("seen")
        return str(told)

    @strawberry.field
    async def wish(self, perhaps: strawberry.Maybe[str], filter: Filter | None = None) -> str | None:
        return f"{perhaps} {filter}"

    @strawberry.field
    def wish_now(self, perhaps: strawberry.Maybe[str]) -> str:
        return str(perhaps)

    @strawberry.field
    def shout(
        self, words_of_mine: Annotated[list[list[str]] | None, strawberry.argument(name="words")] = None
    ) -> str:
        return str(words_of_mine)

    @strawberry.field
    async def stream(self) -> list[int | None]:
        here = self.dice.at("stream")

        async def items() -> AsyncGenerator[Any, None]:
            for index in range(here.random().randint(0, 3)):
                yield here.at(index).value(lambda random: number(here, random), ODD)

        return items()  # type: ignore[return-value]


@strawberry.input
class Filter:
    low: int = 1
    high: int | None = None
    words: list[str] | None = None


def a_root(info: strawberry.Info, name: str) -> Branch:
    made: Branch = new(Branch, info.context["dice"].at(name))
    return made


@strawberry.type
class Query:
    @strawberry.field
    def branch(self, info: strawberry.Info, salt: int = 0) -> Branch | None:
        return a_root(info, f"branch{salt}")

    @strawberry.field
    async def branch_must(self, info: strawberry.Info, salt: int = 0) -> Branch:
        await asyncio.sleep(0)
        return a_root(info, f"branch_must{salt}")

    @strawberry.field
    def loose(self, info: strawberry.Info) -> Loose:
        made: Loose = new(Loose, info.context["dice"].at("loose"))
        return made

    @strawberry.field
    async def nodes(self, info: strawberry.Info) -> list[Node | None]:
        found: list[Node | None] = several(a_node, NO_OBJECTS)(info.context["dice"].at("nodes"), Random(1))
        return found


@strawberry.type
class Mutation:
    @strawberry.field
    async def write(self, info: strawberry.Info, word: str) -> Branch | None:
        found: Branch | None = await _write(info, word)
        return found

    @strawberry.field
    async def write_must(self, info: strawberry.Info, word: str) -> Branch:
        found: Branch = await _write(info, word)
        return found

    @strawberry.field
    def write_now(self, info: strawberry.Info, word: str) -> str | None:
        info.context["written"].append(word)
        found: str | None = info.context["dice"].at(word).value(lambda random: word)
        return found


async def _write(info: strawberry.Info, word: str) -> Any:
    info.context["written"].append(f"{word} begins")
    await asyncio.sleep(0)
    info.context["written"].append(f"{word} ends")
    here = info.context["dice"].at(word)
    found = here.value(lambda random: new(Branch, here))
    return await found if isinstance(found, Later) else found


def events(dice: Dice, times: int) -> list[Any]:
    """What a watcher is sent, before anything is made of it."""
    return [[new(Branch, dice.at(number)), None][number % 3 == 1] for number in range(times)]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def happens(self, info: strawberry.Info, times: int = 3) -> AsyncGenerator[Branch | None, None]:
        for event in events(info.context["dice"], times):
            yield event


POOLS = {"perhaps": ["x", None]}
"""Null, which a client may send and Strawberry refuses, is found out when the arguments are made."""

schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[Leaf, Branch],
    config=StrawberryConfig(
        scalar_map={Picky: strawberry.scalar(name="Picky", serialize=_write_picky, parse_value=str)}
    ),
)
