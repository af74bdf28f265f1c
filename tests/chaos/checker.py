"""Checks a history for broken promises that the database alone does not show; tests.helpers.invariants has the
rest.

Every execution ended after the nemesis stopped, and an end that was seen never changed. Tool calls began and
ended once. No runner was started twice, or went on after its execution's end. No written result is lost, and
none is invented. Stops were answered truthfully. Each watcher saw the events 1..n once, in order, exactly as
they are in the database. A subscription that followed a page began where the page ended.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.agents import WRITERS
from tests.chaos.facts import Facts
from tests.chaos.history import INIT, NEMESIS, Entry, History, story, story_of_program

ENDS = {"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "LOST"}

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

CLOCK_SLACK_S = 0.05
"""Allowed difference between times: there is one clock, but a time is read before it is recorded."""


@dataclass(frozen=True)
class Violation:
    rule: str
    message: str
    execution: str | None = None
    program: str | None = None

    def __str__(self) -> str:
        return f"{self.rule} of {self.execution or self.program}: {self.message}"

    @classmethod
    def of_invariant(cls, text: str) -> Violation:
        """What `tests.helpers.invariants` says: the number first, the execution somewhere."""
        rule, _, message = text.partition(" ")
        named = UUID.search(message)
        return cls(rule, message, named[0] if named else None)


def check(history: History, facts: Facts) -> list[Violation]:
    """Every broken promise; an empty list proves that none was."""
    rules = (
        _ends,
        _tool_calls,
        _runners,
        _results,
        _stops,
        _watchers,
        _overseers,
        _listers,
        _programs,
        _answers,
    )
    return [violation for rule in rules for violation in rule(history, facts)]


def _ends(history: History, facts: Facts) -> Iterator[Violation]:
    for execution, row in facts.executions.items():
        if row["status"] not in ENDS:
            yield Violation("end", f"still {row['status']} when all was over", execution)
    for entry in history.of("saw"):
        if entry.details["status"] in ENDS and (end := facts.executions.get(str(entry.execution))):
            seen, now = (
                (entry.details["status"], entry.details.get("score")),
                (end["status"], end["score"]),
            )
            if seen != now:
                yield Violation("end", f"{entry.actor} saw {seen}, now it is {now}", entry.execution)


def _tool_calls(_: History, facts: Facts) -> Iterator[Violation]:
    for execution, events in facts.events.items():
        for kind in ("TOOL_CALL_STARTED", "TOOL_CALL_ENDED"):
            ordinals = [event["ordinal"] for event in events if event["kind"] == kind]
            if ordinals != list(range(1, len(ordinals) + 1)):
                yield Violation("tool calls", f"{kind} of {ordinals}", execution)


def _runners(history: History, facts: Facts) -> Iterator[Violation]:
    for execution, pids in facts.living.items():
        yield Violation("runner", f"processes {list(pids)} still live", execution)
    for execution, notes in facts.journals.items():
        starts = [note for note in notes if note.what == "started"]
        if len(starts) > 1:
            yield Violation("runner", f"it was started {len(starts)} times", execution)
        row = facts.executions.get(execution)
        if row is None or row["ended_at"] is None:
            continue
        late = [note for note in notes if note.at > row["ended_at"] + CLOCK_SLACK_S]
        if late and not _frozen_before(history, late[0].at):
            yield Violation("runner", f"it {late[0].what} after the execution had ended", execution)


def _frozen_before(history: History, at: float) -> bool:
    """A worker that was stopped just before starting a runner starts it when it continues: the runner is ended
    then, but it has begun."""
    return any(
        entry.actor == NEMESIS and entry.what == "SIGSTOP" and "program" in entry.details and entry.at <= at
        for entry in history.entries
    )


def _results(history: History, facts: Facts) -> Iterator[Violation]:
    killed = {entry.execution for entry in history.entries if entry.actor == NEMESIS and entry.execution}
    for execution, row in facts.executions.items():
        wrote = [note for note in facts.journals.get(execution, ()) if note.what == "wrote"]
        if row["status"] == "SUCCEEDED" and not facts.journals.get(execution):
            yield Violation("result", "succeeded, but no runner ever started", execution)
        if row["agent"] not in WRITERS:
            if row["status"] == "SUCCEEDED":
                yield Violation("result", f"a runner that is {row['agent']} cannot have succeeded", execution)
            continue
        if row["ended_at"] is None:
            continue
        if wrote and wrote[0].at < row["ended_at"] - CLOCK_SLACK_S and row["status"] == "LOST":
            yield Violation("result", "its result was there, but it is LOST", execution)
        if row["status"] in ("FAILED", "TIMED_OUT") and execution not in killed:
            failure = f"{row['failure_kind']}: {row['failure_message']}"
            yield Violation(
                "result", f"nobody harmed its runner, but it is {row['status']}, {failure}", execution
            )


def _stops(history: History, facts: Facts) -> Iterator[Violation]:
    asked = {entry.execution for entry in history.of("asks to stop")}
    for execution, row in facts.executions.items():
        if row["status"] == "STOPPED" and execution not in asked:
            yield Violation("stop", "STOPPED, but nobody asked for it", execution)
    for entry in history.of("was answered"):
        row = facts.executions.get(str(entry.execution), {})
        told = (entry.details["type"], entry.details["status"])
        final = row.get("status")
        match told:
            case ("StopExecutionSuccess", "STOPPED" | "STOPPING"):
                right = final == "STOPPED"
            case ("ExecutionAlreadyEndedError", status):
                right = status == final
            case _:
                right = False
        if not right:
            yield Violation("stop", f"the answer to a stop was {told}, the end is {final}", entry.execution)


def _watchers(history: History, facts: Facts) -> Iterator[Violation]:
    seen: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    completed = set()
    for entry in history.entries:
        if entry.what == "saw" and entry.execution:
            seen[entry.actor, entry.execution].append(entry)
        elif entry.what == "stream completed":
            completed.add((entry.actor, entry.execution))
    for (actor, execution), entries in seen.items():
        stored = [(event["seq"], event["kind"], event["status"]) for event in facts.events.get(execution, ())]
        told = [(e.details["seq"], e.details["kind"], e.details["status"]) for e in entries]
        if told != stored[: len(told)]:
            yield Violation("watcher", f"{actor} saw {told}, stored is {stored}", execution)
        elif (actor, execution) not in completed:
            yield Violation("watcher", f"{actor} was not told the end: saw {told} of {stored}", execution)
        elif len(told) < len(stored):
            yield Violation(
                "watcher", f"{actor}'s stream completed after {told}, stored is {stored}", execution
            )


def _overseers(history: History, facts: Facts) -> Iterator[Violation]:
    seen: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for entry in history.of("saw of all"):
        seen[entry.actor][str(entry.execution)].append(entry.details["seq"])
    for actor, of_executions in seen.items():
        for execution, events in facts.events.items():
            stored = [event["seq"] for event in events]
            if of_executions[execution] != stored:
                yield Violation(
                    "watcher", f"{actor} saw {of_executions[execution]}, stored is {stored}", execution
                )


def _listers(history: History, _: Facts) -> Iterator[Violation]:
    for entry in history.of("saw after a page"):
        if entry.details["seq"] != entry.details["after"] + 1:
            seq, after = entry.details["seq"], entry.details["after"]
            yield Violation("lister", f"{entry.actor} knew up to {after} and was told {seq}", entry.execution)


def _programs(history: History, _: Facts) -> Iterator[Violation]:
    for entry in history.entries:
        if entry.actor != INIT:
            continue
        program = str(entry.details["program"])
        if entry.what == "had to be killed":
            yield Violation("program", "did not end when it was told to", program=program)
        if entry.what == "ended" and entry.details["ready"]:
            code, told = entry.details["code"], entry.details["told"]
            if not told or code not in (0, -9):
                yield Violation("program", f"ended with code {code}, told to: {told}", program=program)


def _answers(history: History, _: Facts) -> Iterator[Violation]:
    for entry in history.of("was told wrong"):
        yield Violation("answer", f"{entry.actor}: {entry.details['reason']}", entry.execution)


def shortest_story(history: History, facts: Facts, violations: Sequence[Violation]) -> str:
    """The violation with the shortest history, with everything that concerns it."""
    entries = history.entries + list(_as_entries(facts))

    def tell(violation: Violation) -> str:
        if violation.execution is not None:
            return story(entries, violation.execution, history.began)
        if violation.program is not None:
            return story_of_program(entries, violation.program, history.began)
        return ""

    text, violation = min(((tell(each), each) for each in violations), key=lambda pair: pair[0].count("\n"))
    return f"{violation}\n{text}"


def _as_entries(facts: Facts) -> Iterator[Entry]:
    for execution, events in facts.events.items():
        for event in events:
            details = {name: event[name] for name in ("seq", "kind", "status") if event[name] is not None}
            yield Entry(event["at"], "database", "event", execution, details)
    for execution, notes in facts.journals.items():
        for note in notes:
            yield Entry(note.at, "runner", note.what, execution, {"pid": note.pid})
