"""The table of conformance is of the tests that there are, and tells what was left out."""

from __future__ import annotations

from collections import Counter

from tests.helpers.places import REPOSITORY
from tools.conformance import DOCS, HERE, LINES, Outcomes, render


def test_every_module_of_the_table_exists_and_the_table_in_the_docs_has_every_line() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for line in LINES:
        assert line.specification in text
        assert all((REPOSITORY / HERE / module).is_file() for module in line.modules)


def test_what_failed_or_was_left_out_is_told() -> None:
    outcomes = Outcomes()
    outcomes.of = {
        "http/test_audits.py": Counter(passed=1),
        "auth/test_bearer_tokens.py": Counter(passed=1, failed=1, skipped=1),
    }
    outcomes.recorded = {"audits": "61 of 61"}
    table = render(outcomes)
    assert "61 of 61 | 1 of 1 |" in table
    assert "| 1 of 3, 1 left out |" in table
    assert "not run" in table
