"""Reports for other programs: JUnit's XML and Markdown, whatever text comes from outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from gql_server.cli.errors import ExitCode
from gql_server.cli.evaluations import junit, summary
from gql_server.cli.evaluations.judgement import Check, Outcome
from tests.gql_server.cli.evaluations.answers import (
    Data,
    batch,
    comparison,
    entry,
    excluded,
    execution,
    unsolved,
)

TRIALS = [
    execution("a", "b1", 1),
    execution("a", "b1", 2),
    execution("a", "b2", 1),
    unsolved("a", "b2", 2, assertions=[{"outcome": "FAILED"}]),
    excluded("ENDPOINT", "a", "b3", 1),
    excluded("STOPPED", "a", "b3", 2),
    excluded("NOT_RUNNABLE", "a", "b4", 1),
    excluded("LOST", "b", "b1", 1),
    execution("b", "b1", 2),
]
CHECKS = [
    Check("a", "solve-rate at least 0.9", Outcome.NOT_REACHED, "solve rate 0.750 (3 of 4), below 0.9", 0.75),
    Check("b", "solve-rate at least 0.9", Outcome.REACHED, "solve rate 1.000 (1 of 1)", 1.0),
    Check("b", "attempts", Outcome.NOT_JUDGED, "too few executions count"),
]


def suites(text: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    return {str(suite.get("name")): suite for suite in root}


def results(suite: ElementTree.Element) -> dict[str | None, str]:
    """By testcase what it is, with the message."""
    found = {}
    for case in suite.findall("testcase"):
        problem = next((item for item in case if item.tag in ("failure", "error", "skipped")), None)
        found[case.get("name")] = "passed" if problem is None else f"{problem.tag}: {problem.get('message')}"
    return found


def test_a_suite_is_an_agent_and_a_case_a_benchmark_with_its_trials() -> None:
    found = suites(junit.report(batch(*TRIALS, name="nightly"), TRIALS, CHECKS))
    assert found.keys() == {"a", "b"}
    assert results(found["a"]) == {
        "b1": "passed",
        "b2": "failure: solved 1 of 2 attempts",
        "b3": "error: no execution counts for the agent",
        "b4": "skipped: no execution counts for the agent",
        "target: solve-rate at least 0.9": "failure: solve rate 0.750 (3 of 4), below 0.9",
    }
    assert results(found["b"]) == {
        "b1": "passed",
        "target: solve-rate at least 0.9": "passed",
        "target: attempts": "error: too few executions count",
    }
    case = next(case for case in found["a"].findall("testcase") if case.get("name") == "b2")
    assert case.get("classname") == "a" and case.get("time") == "3.000"
    assert "trial 2: SUCCEEDED  not solved: 1 of 1 assertions failed" in str(case.findtext("failure"))
    assert "trial 1: SUCCEEDED  solved" in str(case.findtext("system-out"))


def test_counts_are_those_of_the_cases() -> None:
    text = junit.report(batch(*TRIALS), TRIALS, CHECKS)
    root = ElementTree.fromstring(text.encode())
    counts = [root.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["8", "2", "2", "1"]
    assert [suite.get("tests") for suite in root] == ["5", "3"]


HOSTILE = (
    "\x00\x1b[31m\x08 ]]> <!-- --> & \"'</testcase><script>x</script> "
    "\ud800 \ufffe 😀 | `x` [a](b) <img src=x>\r\n# h"
)


def test_any_text_is_xml_that_can_be_read() -> None:
    trials = [excluded("LAUNCH", HOSTILE, HOSTILE, message=HOSTILE * 500)]
    checks = [Check(HOSTILE, HOSTILE, Outcome.NOT_JUDGED, HOSTILE)]
    text = junit.report(batch(*trials, name=HOSTILE), trials, checks)
    (suite,) = suites(text).values()
    names = {case.get("classname") for case in suite.findall("testcase")}
    assert names == {suite.get("name")}
    assert "😀" in str(suite.get("name")) and "\x1b" not in text
    assert suite.find(".//script") is None
    assert len(text) < 60_000, "one message may not make a report that no program opens"


def markdown(
    trials: list[Data], checks: list[Check], comparisons: dict[str, Data], code: ExitCode, **names: str
) -> str:
    figures = {"excluded": [{"reason": "LOST", "executions": 1}], "cost": 0.00125}
    entries = (entry("a", "1" * 16, **figures, solveRateInterval={"low": 0.6, "high": 0.98}), entry("b"))
    return summary.report(batch(*trials, entries=entries, **names), comparisons, trials, checks, code)


def test_the_summary_says_the_outcome_the_figures_and_why() -> None:
    compared = comparison(-0.25, -0.1, "WORSE") | {
        "benchmarks": [
            {
                **{"benchmarkId": "b2", "solveRateDifference": -0.5, "scoreDifference": -0.25},
                "baseline": {"solveRate": 1.0, "meanScore": 1.0},
                "candidate": {"solveRate": 0.5, "meanScore": 0.75},
            }
        ]
    }
    text = markdown(TRIALS, CHECKS, {"a": compared}, ExitCode.NOT_REACHED)
    assert text.startswith("## ❌ Not reached\n\nBatch <code>")
    line = "| <code>a</code> | - | 9 of 10 | 90 % (60 to 98 %) | 0.950 | 1 LOST | $0.00125 |"
    assert line in text.splitlines()
    assert "❌ <code>a</code>: solve rate 0&#46;750" in text
    assert "| <code>b2</code> | 100 % → 50 % | 1.000 → 0.750 |" in text
    assert "<code>b3</code> | <code>0 of 0</code> | <code>ENDPOINT&#58; it broke</code> |" in text
    assert "| <code>b1</code> |" not in text.split("### Not solved")[1], "what was solved is no news"


@pytest.mark.parametrize("code", [ExitCode.REACHED, ExitCode.NOT_REACHED, ExitCode.SERVER_FAILED])
def test_every_outcome_has_a_headline(code: ExitCode) -> None:
    assert markdown([execution()], [], {}, code).startswith("## ")


def test_any_text_stays_in_its_cell_and_is_no_markdown() -> None:
    hostile = f"{HOSTILE} @everyone https://evil.example www.evil.example <b> *x* _y_ ~z~ #1 \\ &amp;"
    trials = [excluded("LAUNCH", hostile, hostile, message=hostile)]
    checks = [Check(hostile, hostile, Outcome.NOT_REACHED, hostile)]
    text = markdown(trials, checks, {hostile: comparison(0, 0)}, ExitCode.NOT_REACHED, name=hostile)
    tags = set(re.findall(r"<[^>]*>", text))
    assert tags == {"<code>", "</code>"}
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert not re.search(r"@|https?:|www\.|\*x|_y|~z|`|\[a|\\|\x1b|&amp;|(?<!&)#1", text)
    text.encode()


def test_a_long_list_is_cut_and_says_so() -> None:
    trials = [unsolved("a", f"b{number:03}") for number in range(60)]
    text = markdown(trials, [], {}, ExitCode.NOT_REACHED)
    assert "b049" in text and "b050" not in text and "And 10 more." in text
