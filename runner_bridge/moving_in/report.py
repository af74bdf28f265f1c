"""What an import did with the rows of a reev database: counted table by table, with the reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from store.records import record

MAX_REMARKS = 500
"""Different remarks that are kept; of the others only the number."""
MAX_CHANGED = 100


class RowOutcome(StrEnum):
    """What was done with a row. Each row has exactly one outcome."""

    MADE = "MADE"
    """It made an execution or a revision of a benchmark."""
    MERGED = "MERGED"
    """It tells of an execution that another row has made, and is part of its record."""
    ALREADY_THERE = "ALREADY_THERE"
    """What it tells of is stored already."""
    SKIPPED = "SKIPPED"


@dataclass(slots=True)
class TableReport:
    """What was done with the rows of one table; `skipped` counts by reason."""

    table: str
    rows: int
    outcomes: Counter[RowOutcome] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def unread(self) -> int:
        """Rows that could not be read: those of damaged pages."""
        return max(0, self.rows - self.outcomes.total())


@dataclass(slots=True)
class RemarkReport:
    """A remark on executions: how many have it, and the session id of the first."""

    remark: str
    count: int
    example: str


@record
class ChangedExecution:
    """An execution that was imported before, and of which the database tells another end by now."""

    execution_id: str
    session_id: str
    stored_status: str
    status: str


@dataclass(slots=True)
class DatabaseReport:
    """What was done with one database. With `dry_run`, what would have been done."""

    path: str
    sha256: str
    dry_run: bool
    tables: dict[str, TableReport]
    notes: list[str] = field(default_factory=list)
    """On the database as a whole."""
    statuses: Counter[str] = field(default_factory=Counter)
    """Of the executions that were made."""
    executions_already_there: int = 0
    remarks: dict[str, RemarkReport] = field(default_factory=dict)
    other_remarks: int = 0
    changed: list[ChangedExecution] = field(default_factory=list)
    changed_count: int = 0
    other_rows: int = 0
    """Executions that were imported before from rows that say something else, but of the same end."""
    duration_ms: int = 0

    @property
    def executions(self) -> int:
        """How many executions were made."""
        return self.statuses.total()

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    @property
    def rows_done(self) -> int:
        return sum(table.outcomes.total() for table in self.tables.values())

    @property
    def skipped(self) -> int:
        return sum(table.outcomes[RowOutcome.SKIPPED] for table in self.tables.values())

    def made(self, tally: Mapping[str, int], principal: str) -> None:
        """Counts the rows of an execution that was made by a row of `principal`."""
        self.count(tally, RowOutcome.MERGED)
        if principal in tally:
            self.tables[principal].outcomes.update({RowOutcome.MADE: 1, RowOutcome.MERGED: -1})

    def already_there(self, tally: Mapping[str, int]) -> None:
        """Counts the rows of an execution that is stored."""
        self.executions_already_there += 1
        self.count(tally, RowOutcome.ALREADY_THERE)

    def count(self, tally: Mapping[str, int], outcome: RowOutcome) -> None:
        for table, number in tally.items():
            self.tables[table].outcomes[outcome] += number

    def skip(self, tally: Mapping[str, int], reason: str) -> None:
        self.count(tally, RowOutcome.SKIPPED)
        for table, number in tally.items():
            if number:
                self.tables[table].skipped[reason] += number

    def remark(self, remarks: Iterable[str], example: str) -> None:
        """Counts the remarks on one execution, each once."""
        for text in dict.fromkeys(remarks):
            if (known := self.remarks.get(text)) is not None:
                known.count += 1
            elif len(self.remarks) < MAX_REMARKS:
                self.remarks[text] = RemarkReport(text, 1, example)
            else:
                self.other_remarks += 1

    def note_changed(self, changed: ChangedExecution) -> None:
        self.changed_count += 1
        if len(self.changed) < MAX_CHANGED:
            self.changed.append(changed)
