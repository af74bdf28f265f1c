"""What a failure cancels before it has begun is noticed when it is collected: here, and in no other test."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

CANCELLED_EARLY = (
    "ignore:coroutine .* was never awaited:RuntimeWarning",
    "ignore:Exception ignored in. <coroutine object:pytest.PytestUnraisableExceptionWarning",
)
"""graphql-core and a plan cancel what waits beside a failure alike."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "compiled" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings(*CANCELLED_EARLY))


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()
