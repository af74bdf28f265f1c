"""Commands and the servers that they ask."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_database_is_away(patient_servers: None) -> None:
    """A busy machine makes a database slow; these tests tell nothing of one that is away."""
