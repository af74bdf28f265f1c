"""Property tests keep what they learn outside of the tree that pytest collects."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.helpers.places import REPOSITORY

# Two cores are shared by many tests: how long one example takes says nothing here.
settings.register_profile("reev-gql", deadline=None)
settings.load_profile("reev-gql")
set_hypothesis_home_dir(REPOSITORY / ".pytest_cache" / "hypothesis")
