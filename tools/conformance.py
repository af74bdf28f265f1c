"""`make conformance`: runs the tests that hold the server to specifications, and writes docs/conformance.md.

Each line of the table is a specification or a list of attacks, with the tests that hold the server to it and how
many of them pass. A test that is left out (no node) is counted as such, never as passed.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.helpers.places import REPOSITORY

DOCS = REPOSITORY / "docs" / "conformance.md"
HERE = "tests/gql_server"

HEADER = """# Conformance

The specifications and attacks that the server is tested against. `make conformance` runs the tests of the
table and writes it; `make test` runs the same tests among all others.

"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a specification and the test modules that hold the server to it."""

    specification: str
    what: str
    modules: tuple[str, ...]


LINES = (
    Line(
        "[GraphQL over HTTP](https://graphql.github.io/graphql-over-http/draft/)",
        "the 61 audits of the npm package `graphql-http`: {audits}",
        ("http/test_audits.py",),
    ),
    Line(
        "GraphQL over HTTP, beyond the audits",
        "bodies, media types, methods, statuses; content negotiation; malformed requests",
        ("http/test_requests.py", "http/test_negotiation.py", "http/test_malformed.py"),
    ),
    Line(
        "[graphql-transport-ws](https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md)",
        "each message and close code, malformed, random and unmasked frames, slow, silent, vanished and greedy "
        "clients",
        ("ws/test_protocol.py", "ws/test_masked_frames.py"),
    ),
    Line(
        "[graphql-sse](https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md), distinct connections",
        "subscriptions as event streams; ordinary queries of the same clients still work",
        ("http/test_events.py",),
    ),
    Line(
        "Real clients",
        "graphql-ws, graphql-sse, urql (websocket and event stream), Apollo Client; gql in Python",
        ("ws/test_clients.py",),
    ),
    Line(
        "Documents of hostile size or shape",
        "depth, aliases, fields, root fields, directives, tokens and cost before execution; timeouts",
        ("documents/test_size_limits.py", "operations/test_timeouts.py"),
    ),
    Line(
        "[graphql-cop](https://github.com/dolevf/graphql-cop)",
        "its requests and its conclusions, written as our own tests (the program itself is not run): it finds "
        "nothing but what settings allow, which are introspection, GraphiQL, suggestions and queries by GET",
        ("operations/test_scanners.py",),
    ),
    Line(
        "Generated documents",
        "hypothesis-graphql, valid and invalid documents of our schema: no 500, no internal error",
        ("operations/test_generated_documents.py",),
    ),
    Line(
        "Attacks of web pages",
        "DNS rebinding, cross-site requests and websockets, framing, sniffing, inline script",
        ("auth/test_host_and_origin.py",),
    ),
    Line(
        "Hostile paths",
        "hundreds of forms at every variable part of every route and argument",
        ("pages/test_paths.py",),
    ),
    Line(
        "Scopes of routes",
        "401 and 403 by one table, for every route of the router",
        ("auth/test_routes.py",),
    ),
    Line(
        "Tokens",
        "scopes on every mutation, revocation, wrong guesses, proxies",
        ("auth/test_bearer_tokens.py",),
    ),
    Line(
        "Errors",
        "masked with an id that is in the log; every code is listed",
        ("responses/test_masking.py", "responses/test_error_codes.py"),
    ),
    Line(
        "Trusted documents",
        "`documentId` of the GraphQL-over-HTTP draft and Apollo's `persistedQuery`; trusted-only mode",
        ("documents/test_trusted_documents.py",),
    ),
)


class Outcomes:
    """A plugin of pytest that notes how each test ended, by module, and what it has recorded."""

    def __init__(self) -> None:
        self.of: dict[str, Counter[str]] = {}
        self.recorded: dict[str, object] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A test that passed may still fail at its teardown; then it is counted twice, which shows.
        if report.when == "call" or not report.passed:
            module = report.nodeid.partition("::")[0].removeprefix(f"{HERE}/")
            self.of.setdefault(module, Counter())[report.outcome] += 1
            self.recorded |= dict(report.user_properties)


def main() -> int:
    """Runs the tests and writes the table; 1 when any of them failed."""
    outcomes = Outcomes()
    modules = [f"{HERE}/{module}" for line in LINES for module in line.modules]
    code = pytest.main(["-q", "-n", "auto", "--rootdir", str(REPOSITORY), *modules], plugins=[outcomes])
    table = render(outcomes)
    DOCS.write_text(HEADER + table, encoding="utf-8")
    print(table, end="")
    return int(code)


def render(outcomes: Outcomes) -> str:
    """The table of what was noted."""
    rows = ["| specification | what is checked | passes |", "|---|---|---|"]
    for line in LINES:
        counts: Counter[str] = Counter()
        for module in line.modules:
            counts += outcomes.of.get(module, Counter())
        what = line.what.format(audits=outcomes.recorded.get("audits", "not run"))
        rows.append(f"| {line.specification} | {what} | {_shown(counts)} |")
    return "\n".join(rows) + "\n"


def _shown(counts: Counter[str]) -> str:
    total = sum(counts.values())
    if not total:
        return "not run"
    left_out = f", {counts['skipped']} left out" if counts["skipped"] else ""
    return f"{counts['passed']} of {total}{left_out}"


if __name__ == "__main__":
    sys.exit(main())
