"""Remarks on definitions: what is odd about a part, kept all the same."""

from __future__ import annotations

import strawberry

from store.model import JsonValue


@strawberry.type(description="Something in a definition that cannot be evaluated here, kept all the same.")
class Remark:
    path: str = strawberry.field(description="Where, such as `ground_truth.final_state_assertions[4]`.")
    message: str = strawberry.field(description="What is odd about it.")

    @classmethod
    def of(cls, remark: JsonValue) -> Remark:
        return cls(path=remark["path"], message=remark["message"])
