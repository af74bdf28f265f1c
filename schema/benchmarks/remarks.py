"""Remarks on definitions: parts that cannot be evaluated here."""

from typing import Self

import strawberry

from store.model import JsonValue


@strawberry.type(description="A part of a definition that cannot be evaluated here; it is kept.")
class Remark:
    path: str = strawberry.field(description="Where, such as `ground_truth.final_state_assertions[4]`.")
    message: str = strawberry.field(description="What is unusual about it.")

    @classmethod
    def of(cls, remark: JsonValue) -> Self:
        return cls(path=remark["path"], message=remark["message"])
