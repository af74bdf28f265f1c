"""The checker finds faults: each change to a correct history breaks exactly the promise that it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.processes import members, process_identity
from tests.chaos.checker import Violation, check, shortest_story
from tests.chaos.facts import Facts, Note
from tests.chaos.history import INIT, NEMESIS, Entry, History
from tests.chaos.nemesis import living_runners

ID = "11111111-2222-4333-8444-555555555555"
STORED = (
    (1, "STATUS_CHANGED", "QUEUED"),
    (2, "STATUS_CHANGED", "RUNNING"),
    (3, "TOOL_CALL_STARTED", None),
    (4, "TOOL_CALL_ENDED", None),
    (5, "STATUS_CHANGED", "SUCCEEDED"),
)
BEGAN = 1000.0


def event(at: float, seq: int, kind: str, status: str | None) -> dict[str, Any]:
    ordinal = 1 if status is None else None
    return {"seq": seq, "at": BEGAN + at, "kind": kind, "status": status, "ordinal": ordinal}


@dataclass
class Told:
    """One execution that succeeded, seen by a watcher with a drop and by an overseer."""

    row: dict[str, Any] = field(
        default_factory=lambda: {
            "agent": "slow",
            "status": "SUCCEEDED",
            "score": 1.0,
            "ended_at": BEGAN + 5,
            "failure_kind": None,
            "failure_message": None,
        }
    )
    events: list[dict[str, Any]] = field(default_factory=lambda: [event(s[0], *s) for s in STORED])
    journal: list[Note] = field(
        default_factory=lambda: [Note("started", 7, BEGAN + 2), Note("wrote", 7, BEGAN + 4.5)]
    )
    living: list[int] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.add(0.5, "client", "launched")
        for seq, kind, status in STORED:
            details: dict[str, Any] = {"seq": seq, "kind": kind, "status": status}
            self.add(seq + 0.1, "overseer", "saw of all", **details)
            self.add(seq + 0.1, "lister", "saw after a page", seq=seq, after=seq - 1)
            if status == "SUCCEEDED":
                details["score"] = 1.0
            self.add(seq + 0.1, "watcher", "saw", **details)
        self.add(6, "watcher", "stream completed")

    def add(self, at: float, actor: str, what: str, execution: str | None = ID, **details: Any) -> None:
        self.entries.append(Entry(BEGAN + at, actor, what, execution, details))

    def drop(self, actor: str, what: str, seq: int | None = None) -> None:
        self.entries = [
            entry
            for entry in self.entries
            if (entry.actor, entry.what) != (actor, what) or seq not in (None, entry.details.get("seq"))
        ]

    def violations(self) -> tuple[list[Violation], str]:
        history = History()
        history.began, history.entries = BEGAN, self.entries
        facts = Facts(
            {ID: self.row}, {ID: self.events}, {ID: self.journal}, {ID: self.living} if self.living else {}
        )
        found = check(history, facts)
        return found, shortest_story(history, facts, found) if found else ""


def rule(told: Told) -> set[str]:
    return {violation.rule for violation in told.violations()[0]}


def test_a_history_in_which_all_is_right_has_no_violation() -> None:
    assert Told().violations() == ([], "")


def twice(told: Told) -> None:
    told.entries += [e for e in told.entries if e.what == "saw" and e.details["seq"] == 3]


def other_end(told: Told) -> None:
    told.entries = [
        replace(entry, details={**entry.details, "score": 0.5})
        if entry.what == "saw" and entry.details["seq"] == 5
        else entry
        for entry in told.entries
    ]


def stopped_unasked(told: Told) -> None:
    told.row["status"] = told.events[-1]["status"] = "STOPPED"


def lied_about_stop(told: Told) -> None:
    told.add(3, "client", "asks to stop")
    told.add(3.1, "client", "was answered", type="StopExecutionSuccess", status="STOPPING")


def lost_result(told: Told) -> None:
    told.row.update(status="LOST", score=None)
    told.events[-1]["status"] = "LOST"


def failed_unharmed(told: Told) -> None:
    told.row.update(status="FAILED", score=None, failure_kind="RUNNER_EXIT")
    told.journal = told.journal[:1]


def made_up(told: Told) -> None:
    told.row["agent"] = "crash"


def repeated_tool_call(told: Told) -> None:
    told.events.insert(3, told.events[2])


def crashed_server(told: Told) -> None:
    details: dict[str, Any] = {"program": "server-a", "code": 1, "told": False, "ready": True}
    told.add(3, INIT, "ended", None, **details)


def slow_server(told: Told) -> None:
    told.add(3, INIT, "had to be killed", None, program="server-a")


BREAKAGES: dict[Callable[[Told], Any], str] = {
    lambda told: told.row.update(status="RUNNING", ended_at=None): "end",
    other_end: "end",
    repeated_tool_call: "tool calls",
    lambda told: told.living.append(7): "runner",
    lambda told: told.journal.append(Note("started", 8, BEGAN + 3)): "runner",
    lambda told: told.journal.append(Note("wrote", 7, BEGAN + 5.2)): "runner",
    lambda told: told.journal.clear(): "result",
    lost_result: "result",
    failed_unharmed: "result",
    made_up: "result",
    stopped_unasked: "stop",
    lied_about_stop: "stop",
    twice: "watcher",
    lambda told: told.drop("watcher", "saw", 3): "watcher",
    lambda told: told.drop("watcher", "saw", 5): "watcher",
    lambda told: told.drop("watcher", "stream completed"): "watcher",
    lambda told: told.drop("overseer", "saw of all", 2): "watcher",
    lambda told: told.add(1.5, "overseer", "saw of all", seq=1, kind="", status=None): "watcher",
    lambda told: told.add(3, "lister", "saw after a page", seq=2, after=2): "lister",
    lambda told: told.add(3, "lister", "saw after a page", seq=4, after=2): "lister",
    crashed_server: "program",
    slow_server: "program",
    lambda told: told.add(3, "client", "was told wrong", reason="INTERNAL"): "answer",
}


@pytest.mark.parametrize("break_it", BREAKAGES, ids=lambda each: f"{BREAKAGES[each]}-{each.__name__}")
def test_each_breakage_is_found(break_it: Callable[[Told], Any]) -> None:
    told = Told()
    break_it(told)
    assert BREAKAGES[break_it] in rule(told)


def test_the_story_is_of_the_execution_alone_with_what_the_nemesis_did_meanwhile() -> None:
    told = Told()
    told.drop("watcher", "saw", 3)
    told.add(2.5, NEMESIS, "SIGKILL", None, program="worker")
    told.add(50, NEMESIS, "SIGKILL", None, program="server-a")
    told.add(2.6, "client", "launched", "99999999-2222-4333-8444-555555555555")
    _, text = told.violations()
    assert "SIGKILL program=worker" in text and "server-a" not in text and "99999999" not in text
    assert text.index("seq=2") < text.index("SIGKILL") < text.index("seq=4")


def test_an_invariant_told_in_words_is_told_with_its_execution() -> None:
    found = Violation.of_invariant(f"I2 execution {ID}: its row says 3 events")
    assert (found.rule, found.execution) == ("I2", ID)


def test_a_journal_is_read_at_every_moment_of_its_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "carries_marker", lambda *_: True)
    monkeypatch.setattr(process_identity, "is_living", lambda _: True)
    whole = "started 42 1000.5\n"
    for length in range(len(whole) + 1):
        (tmp_path / f"journal_{ID}").write_text(whole[:length])
        assert living_runners(tmp_path) == ([(ID, 42)] if length == len(whole) else [])
