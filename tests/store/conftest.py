"""What several modules of these tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.embedded import EmbeddedServer


@pytest.fixture(scope="session")
def stopped() -> Iterator[Path]:
    """The directory of an embedded server that was used and stopped, to be copied: making one takes a second."""
    with tempfile.TemporaryDirectory(prefix="reev-gql-") as name:
        EmbeddedServer(Path(name) / "data").stop()
        yield Path(name) / "data"
