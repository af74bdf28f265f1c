"""A record is what a frozen dataclass with slots is, but for the check at each assignment."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import record


@record
class Point:
    x: int
    y: int = 0
    label: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@record
class Named(Point):
    name: str = "n"


@record
class Nothing:
    pass


@record
class Own:
    x: int

    def __repr__(self) -> str:
        return "mine"

    def __eq__(self, other: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Usual:
    x: int
    y: int = 0
    label: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)


VALUES = st.tuples(*(st.integers(0, 1), st.integers(0, 1), st.sampled_from("ab"), st.sampled_from("ab")))


@given(VALUES, VALUES)
def test_records_are_compared_hashed_and_shown_as_dataclasses_are(one: Any, other: Any) -> None:
    assert (Point(*one) == Point(*other)) == (Usual(*one) == Usual(*other))
    assert (hash(Point(*one)) == hash(Point(*other))) == (hash(Usual(*one)) == hash(Usual(*other)))
    assert repr(Point(*one)) == repr(Usual(*one)).replace("Usual", "Point")


def test_records_are_classes_of_their_own() -> None:
    usual: object = Usual(1)
    assert Point(1) != usual and Point(1) != Named(1) and Named(1) == Named(1, name="n")
    assert Named(1, name="m") not in {Named(1), Nothing()} and Nothing() == Nothing()
    assert repr(Named(1)) == "Named(x=1, y=0, label='', name='n')" and repr(Nothing()) == "Nothing()"
    assert repr(Own(1)) == "mine" and Own(1) == 5


def test_what_reads_dataclasses_reads_records() -> None:
    point = replace(Point(1), y=2)
    assert point.sum == 3 and [each.name for each in fields(point)] == ["x", "y", "label", "secret"]
    assert copy.deepcopy(point) == point == pickle.loads(pickle.dumps(point))
    assert not hasattr(point, "__dict__") and Point.__match_args__ == ("x", "y", "label", "secret")
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        point.z = 1  # type: ignore[attr-defined]


@record
class Counted:
    first: int
    second: list[int] = field(default_factory=list)
    made: list[str] = field(init=False, default_factory=lambda: ["made"])
    named: int = field(default=4, kw_only=True)

    def __post_init__(self) -> None:
        self.made.append("checked")


class Louder(Counted):
    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(7)


def test_the_constructor_that_is_compiled_at_the_first_call_is_that_of_a_dataclass() -> None:
    """In the first call and in later ones, of the class and of those that inherit from it."""
    for _ in range(2):
        for made, first in ((Louder(), 7), (Counted(1), 1)):
            assert (made.first, made.second, made.made, made.named) == (first, [], ["made", "checked"], 4)
        assert Counted(1, [2], named=3).named == 3 and Counted(1).second is not Counted(1).second
        for wrong in ((), (1, [2], 3), (1, [2], "made")):
            with pytest.raises(TypeError, match=r"Counted.__init__\(\)"):
                Counted(*wrong)
        with pytest.raises(TypeError, match="unexpected keyword argument 'third'"):
            Counted(1, third=3)  # type: ignore[call-arg]
