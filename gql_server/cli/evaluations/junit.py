"""A report in JUnit's XML, as GitLab, Jenkins and reporters for GitHub read it.

A testsuite is an agent. A testcase is a benchmark with all its trials: failed when an attempt did not solve it,
an error when no execution counts, skipped when all were stopped or cannot be executed here. Each target is a
testcase too. Elements and attributes: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gql_server.cli.evaluations.judgement import Check, Outcome, why_excluded
from gql_server.cli.views.live_view import final_line

Data = dict[str, Any]

SKIPPED = frozenset({"STOPPED", "NOT_RUNNABLE"})
MAX_TEXT = 4000

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow, escaped or not: https://www.w3.org/TR/xml/#charsets"""

_OUTCOMES = {Outcome.NOT_REACHED: "failure", Outcome.NOT_JUDGED: "error"}


def report(batch: Data, executions: Iterable[Data], found: Sequence[Check]) -> str:
    """The whole file. `executions`: sorted by agent, benchmark and trial."""
    root = Element("testsuites", name=_text(batch["name"] or f"batch {batch['id']}"))
    for agent, of_agent in groupby(executions, key=lambda execution: execution["agent"]):
        suite = SubElement(root, "testsuite", name=_text(agent), timestamp=_text(batch["requestedAt"])[:19])
        properties = SubElement(suite, "properties")
        SubElement(properties, "property", name="batch", value=_text(batch["id"]))
        for benchmark, trials in groupby(of_agent, key=lambda execution: execution["benchmarkId"]):
            _benchmark(suite, agent, benchmark, list(trials))
        for check in found:
            if check.agent == agent or check.agent.startswith(f"{agent}@"):
                _target(suite, check)
        _count(suite)
    for suite in root:
        for name in ("tests", "failures", "errors", "skipped"):
            root.set(name, str(int(root.get(name, "0")) + int(suite.get(name, "0"))))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _benchmark(suite: Element, agent: str, benchmark: str, trials: list[Data]) -> None:
    seconds = sum(trial["executionTimeMs"] or 0 for trial in trials) / 1000
    case = SubElement(suite, "testcase", name=_text(benchmark), classname=_text(agent), time=f"{seconds:.3f}")
    attempts = [trial for trial in trials if trial["isAttempt"]]
    solved = sum(trial["solved"] is True for trial in attempts)
    lines = "\n".join(f"trial {trial['trial']}: {final_line(trial).plain}" for trial in trials)
    if not attempts:
        reasons = sorted({why_excluded(trial) for trial in trials})
        element = "skipped" if SKIPPED.issuperset(reasons) else "error"
        _add(case, element, ", ".join(reasons), "no execution counts for the agent", lines)
    elif solved < len(attempts):
        _add(case, "failure", "NOT_SOLVED", f"solved {solved} of {len(attempts)} attempts", lines)
    SubElement(case, "system-out").text = _text(lines)


def _target(suite: Element, check: Check) -> None:
    name = f"target: {check.target}"
    case = SubElement(suite, "testcase", name=_text(name), classname=_text(check.agent), time="0.000")
    if check.outcome in _OUTCOMES:
        _add(case, _OUTCOMES[check.outcome], check.outcome.value, check.text, check.text)
    else:
        SubElement(case, "system-out").text = _text(check.text)


def _add(case: Element, element: str, kind: str, message: str, text: str) -> None:
    SubElement(case, element, type=_text(kind), message=_text(message)).text = _text(text)


def _count(suite: Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for element, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(element) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _text(value: object) -> str:
    """Without characters that XML cannot hold, and cut."""
    text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"
