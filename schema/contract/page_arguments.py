"""The arguments that every connection takes, described once."""

from __future__ import annotations

from typing import Annotated

import strawberry

First = Annotated[
    int | None, strawberry.argument(description="How many, from the start: 1 to 200; 50 when not given.")
]
After = Annotated[str | None, strawberry.argument(description="Only those after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many, from the end, instead of `first`.")]
Before = Annotated[str | None, strawberry.argument(description="Only those before this cursor.")]
