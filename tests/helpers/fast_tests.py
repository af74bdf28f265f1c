"""Which tests `make test FAST=1` (pytest --fast) leaves out: declared here and nowhere else.

A test is left out when it lies in a slow place, has a slow marker, uses a fixture or helper that starts a process
of ours or a browser, or has a database outside DATABASE_PLACES. So a new test of such a kind is left out too.
A module that is slow for another reason is named at the end of a fast run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import chain
from operator import itemgetter
from typing import Any

import pytest

from tests.helpers.places import REPOSITORY

SLOW_PLACES = (
    "acceptance",
    "adversity",
    "chaos",
    "installation",
    "perf",
    "plans",
    "gql_server/cli/test_import_times.py",
    "gql_server/compiled/test_nasty.py",
    "gql_server/compiled/test_our_schema.py",
    "gql_server/dashboard",
    "gql_server/documents/test_linear.py",
    "gql_server/http/test_events.py",
    "gql_server/operations/test_generated_documents.py",
    "gql_server/ws/test_protocol.py",
    "gql_server/ws/test_sharing.py",
    "runner_bridge/formats/test_strict_yaml.py",
    "runner_bridge/reev_database/test_torn_copies.py",
    "store/embedded",
)
"""Folders and modules, below tests/: faults, installations, big tables, random documents, and long waits."""

SLOW_MARKERS = frozenset({"browser", "history"})

SLOW_FIXTURES = frozenset(
    {"bridge", "empty_database_url", "installation", "make_server", "server", "stopped"}
)
"""They start runners, servers or installations; an empty database runs every migration."""

SLOW_HELPERS = frozenset(
    f"tests.helpers.{name}"
    for name in ("clusters", "command_line", "external", "llm", "local_runner", "node_programs", "server")
)
"""A module that uses anything of these starts processes."""

DATABASE_PLACES = ("schema",)
"""Where tests may have a database: those of schema use everything below it. Each test has a database of its own,
which costs most of its time, and nearly a thousand tests have one."""

REPORTED_S = 3.0
"""A module that takes longer is named at the end of a fast run: declare it slow, or make it faster."""


def is_slow(item: pytest.Item) -> bool:
    place = item.path.relative_to(REPOSITORY / "tests").as_posix()
    if _is_below(place, SLOW_PLACES):
        return True
    if any(marker.name in SLOW_MARKERS for marker in item.iter_markers()):
        return True
    fixtures = set(getattr(item, "fixturenames", ()))
    if SLOW_FIXTURES & fixtures or ("database_url" in fixtures and not _is_below(place, DATABASE_PLACES)):
        return True
    used = vars(getattr(item, "module", None) or object).values()
    return any(getattr(value, "__module__", None) in SLOW_HELPERS for value in used)


def _is_below(place: str, places: tuple[str, ...]) -> bool:
    return any(place == above or place.startswith(f"{above}/") for above in places)


def slow_modules(stats: Mapping[str, list[Any]]) -> list[str]:
    """The modules that took longer than REPORTED_S, the slowest first; `stats` is the terminal reporter's."""
    seconds: dict[str, float] = defaultdict(float)
    for report in chain.from_iterable(stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    slowest = sorted(seconds.items(), key=itemgetter(1), reverse=True)
    return [f"{took:.1f} s in {module}" for module, took in slowest if took > REPORTED_S]
