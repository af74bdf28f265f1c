"""The rows of one execution, table by table, with what of them is asked most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runner_bridge.formats.models import JsonValue
from runner_bridge.moving_in.contents import Content, ContentKind, content_of
from runner_bridge.moving_in.families import Family
from runner_bridge.moving_in.values import Value, json_of, text_of, time_of
from runner_bridge.reev_database.rows import Row

PRINCIPAL = (
    "execution_states",
    "execution_sessions",
    "agent_performance",
    "results",
    "flow_logs",
    "session_logs",
    "yml_testresults",
    "session_tool_calls",
    "consolidated_sessions",
)
"""Tables that tell of executions; the first that has a row is said to have made the execution."""

_NEWEST_BY = ("updated_at", "created_at", "timestamp")

_TEXTS = {"session_logs": "content", "flow_logs": "flow_data", "yml_testresults": "yml_content"}
"""Columns whose content is taken apart, the best first."""


@dataclass(slots=True)
class Evidence:
    """What the database tells of one execution. `remarks` collects what was not taken as it stands."""

    family: Family
    session_file: Content | None = None
    """The session file that lies beside the database."""
    tables: dict[str, list[Row]] = field(default_factory=dict)
    contents: list[Content] = field(default_factory=list)
    step_contents: list[tuple[int, Content]] = field(default_factory=list)
    result_data: JsonValue | None = None
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, family: Family, session_file: Content | None = None) -> Evidence:
        found = cls(family, session_file)
        for row in family.rows:
            found.tables.setdefault(row.table, []).append(row)
            if row.remarks:
                found.remarks += [f"{row.table}: {remark}" for remark in row.remarks]
        for rows in found.tables.values():
            # Two writers of reev stored the same end twice; the newest is believed.
            if len(rows) > 1 and rows[0].table != "session_tool_calls":
                rows.sort(key=_age)
        if session_file is not None:
            found.contents.append(session_file)
        for table, column in _TEXTS.items():
            found.contents += _contents(found.newest(table), f"{table}.{column}")
        for number, step_rows in sorted(family.steps, key=lambda step: step[0]):
            found.step_contents += [(number, content) for content in _of_step(step_rows)]
        for content in (*found.contents, *(content for _, content in found.step_contents)):
            found.remarks.extend(content.remarks)
        found.result_data = json_of(found.text("execution_states", "result_data"))
        return found

    def newest(self, table: str) -> Row | None:
        rows = self.tables.get(table)
        return rows[-1] if rows else None

    def value(self, table: str, *columns: str) -> Value:
        """The newest row's value in the first of these columns that has one."""
        rows = self.tables.get(table)
        if not rows:
            return None
        values = rows[-1].values
        for name in columns:
            if (value := values.get(name)) is not None:
                return value
        return None

    def text(self, table: str, *columns: str) -> str | None:
        return text_of(self.value(table, *columns))

    def of_kind(self, *kinds: ContentKind) -> Iterator[Content]:
        return (content for content in self.contents if content.kind in kinds)

    @property
    def principal(self) -> str:
        """The table that made the execution."""
        present = {row.table for row in self.family.all_rows()}
        return next((table for table in PRINCIPAL if table in present), "session_logs")


def _age(row: Row) -> tuple[float, int]:
    times = (time_of(row.values.get(name)) for name in _NEWEST_BY)
    at = next((time for time in times if time is not None), None)
    return (at.timestamp() if at else 0.0, row.rowid)


def _contents(row: Row | None, name: str) -> list[Content]:
    text = None if row is None else row.values.get(name.partition(".")[2])
    return [content_of(text, name)] if isinstance(text, str) and text.strip() else []


def _of_step(rows: Sequence[Row]) -> list[Content]:
    return [
        content
        for row in rows
        if row.table == "session_logs"
        for content in _contents(row, "session_logs.content")
    ]
