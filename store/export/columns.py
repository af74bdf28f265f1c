"""The columns of every export: one line declares name, expression, type and meaning.

Names are stable: a column may be added, never renamed. `python -m store.export.columns` prints the tables of
docs/export.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from store.records import record


class Kind(StrEnum):
    """The type of a column, the same in every format."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    JSON = "JSON"


UNITS = {"_ms": "milliseconds", "_usd": "US dollars", "_tokens": "tokens"}
"""By the end of a column's name."""


@record
class Column:
    """A column of an export. In `sql` an execution is `e`, its tool call `t`, message `m` and event `v`."""

    name: str
    kind: Kind
    sql: str
    meaning: str

    @property
    def unit(self) -> str:
        """Of the values; empty where they have none."""
        return next((unit for end, unit in UNITS.items() if self.name.endswith(end)), "")


class What(StrEnum):
    """What can be exported, by its name in an address."""

    EXECUTIONS = "executions"
    TOOL_CALLS = "tool-calls"
    MESSAGES = "messages"
    EVENTS = "events"

    @property
    def block(self) -> str:
        """The name of its statement in store/sql/export.sql."""
        return self.value.replace("-", "_")


def _usage(name: str, kind: Kind, meaning: str, member: str = "") -> Column:
    """A member of the model's usage."""
    cast = {Kind.INTEGER: "::bigint", Kind.NUMBER: "::double precision"}.get(kind, "")
    return Column(name, kind, f"(e.usage ->> '{member or name}'){cast}", meaning)


def _plain(name: str, kind: Kind, meaning: str, of: str = "e", column: str = "") -> Column:
    return Column(name, kind, f"{of}.{column or name}", meaning)


_REVISION = "FROM agent_revisions AS r WHERE r.agent = e.agent AND r.number = e.agent_revision"
_BATCH = "FROM batches AS b WHERE b.id = e.batch_id"

_EXECUTION = (
    _plain("id", Kind.TEXT, "The execution, a UUID."),
    _plain("benchmark_id", Kind.TEXT, "The benchmark; `(unknown)` where the files name none."),
    _plain("benchmark_revision", Kind.INTEGER, "The revision of its definition."),
    Column(
        "benchmark_description",
        Kind.TEXT,
        "(SELECT r.description FROM benchmark_revisions AS r "
        "WHERE r.benchmark_id = e.benchmark_id AND r.revision = e.benchmark_revision)",
        "The description at that revision.",
    ),
    _plain("agent", Kind.TEXT, "The agent; `unknown` where the files name none."),
    _plain("agent_revision", Kind.INTEGER, "The revision of the agent's settings; null without settings."),
    _plain(
        "settings_hash", Kind.TEXT, "Of the settings that its model was asked with; figures never mix two."
    ),
    Column(
        "model",
        Kind.TEXT,
        f"coalesce(e.usage ->> 'model', (SELECT r.model {_REVISION}))",
        "The model that was asked for.",
    ),
    _plain("batch_id", Kind.TEXT, "The batch that it was requested in, a UUID."),
    Column("batch_name", Kind.TEXT, f"(SELECT b.name {_BATCH})", "The name of that batch."),
    _plain("trial", Kind.INTEGER, "Its number among the repeats in its batch, from 1."),
    Column("tags", Kind.JSON, "to_json(e.tags)", "Its tags, an array of texts."),
    _plain("rerun_of", Kind.TEXT, "The execution that it repeats, a UUID."),
    Column(
        "session_id",
        Kind.TEXT,
        "coalesce(nullif(e.session_id, ''), e.id::text)",
        "The session id in its files; usually its own id.",
    ),
    _plain(
        "origin",
        Kind.TEXT,
        "REQUESTED; OBSERVED: its runner was started elsewhere; IMPORTED from reev.",
    ),
    _plain("status", Kind.TEXT, "Its state, as in the API."),
    _plain("failure_kind", Kind.TEXT, "Why it failed, as in the API."),
    _plain("failure_message", Kind.TEXT, "Why it failed, for a person."),
    _plain("exit_code", Kind.INTEGER, "The exit code of the runner."),
    _plain("exit_signal", Kind.TEXT, "The signal that ended the runner."),
    _plain("is_attempt", Kind.BOOLEAN, "Whether figures count it; null before the end."),
    _plain("solved", Kind.BOOLEAN, "Whether it is solved; null where no score could be computed."),
    _plain("computed_score", Kind.NUMBER, "The score computed here, from 0 to 1."),
    _plain("reported_score", Kind.NUMBER, "The score in the session file, from 0 to 1.", column="score"),
    _plain("reported_success", Kind.BOOLEAN, "Success by the session file.", column="success"),
    _plain("priority", Kind.INTEGER, "The higher is taken from the queue first."),
    _plain("queued_at", Kind.TIME, "When it was requested; observed ones: when it started."),
    _plain("started_at", Kind.TIME, "When a worker claimed it."),
    _plain("ended_at", Kind.TIME, "When it ended."),
    _plain("stop_requested_at", Kind.TIME, "When its stop was requested."),
    _plain("stop_reason", Kind.TEXT, "Why the server stopped it; null when a client asked."),
    Column(
        "queue_duration_ms",
        Kind.INTEGER,
        "CASE WHEN e.origin = 'REQUESTED' THEN "
        "round(date_part('epoch', e.started_at - e.queued_at) * 1000)::bigint END",
        "Between request and start; null when others started it.",
    ),
    _plain("execution_time_ms", Kind.INTEGER, "How long the runner's process lived."),
    _plain("startup_time_ms", Kind.INTEGER, "Of that, until the runner began."),
    _plain("timeout_ms", Kind.INTEGER, "Its time limit."),
    _plain("steps_done", Kind.INTEGER, "Steps of its flow that are done."),
    _plain("steps_total", Kind.INTEGER, "Steps of its flow."),
    _usage("turns", Kind.INTEGER, "Answers of the model; null here and below when none was asked."),
    _usage("model_requests", Kind.INTEGER, "Requests to the model, repeated ones included.", "requests"),
    _usage("model_retries", Kind.INTEGER, "Requests that repeated one that had failed.", "retries"),
    _usage("tool_calls", Kind.INTEGER, "Tool calls of the model, refused ones included."),
    _usage("invalid_tool_calls", Kind.INTEGER, "Tool calls that could not be carried out as made."),
    _usage("input_tokens", Kind.INTEGER, "Tokens that the model read, cached ones included."),
    _usage("output_tokens", Kind.INTEGER, "Tokens that it wrote, those of reasoning included."),
    _usage("cached_tokens", Kind.INTEGER, "Input tokens that the endpoint had cached."),
    _usage("reasoning_tokens", Kind.INTEGER, "Output tokens spent on reasoning."),
    _usage("model_waited_ms", Kind.INTEGER, "Waiting before repeated requests.", "waited_ms"),
    _usage(
        "cost_usd", Kind.NUMBER, "Cost by the prices in the agent's settings, which are in dollars.", "cost"
    ),
    _usage("model_stop_reason", Kind.TEXT, "Why the model's last step ended.", "stop_reason"),
    _usage("response_model", Kind.TEXT, "The model that the endpoint says answered."),
    _usage("prompt_hash", Kind.TEXT, "SHA-256 of the first prompt."),
    _usage("tool_set", Kind.TEXT, "The tools that the model was offered."),
)

_OF_EXECUTION = (
    _plain("execution_id", Kind.TEXT, "The execution, a UUID.", column="id"),
    _plain("benchmark_id", Kind.TEXT, "Its benchmark."),
    _plain("agent", Kind.TEXT, "Its agent."),
)

COLUMNS: dict[What, Sequence[Column]] = {
    What.EXECUTIONS: _EXECUTION,
    What.TOOL_CALLS: (
        *_OF_EXECUTION,
        _plain("ordinal", Kind.INTEGER, "Counted from 1, in the order of the tool log.", "t"),
        _plain("name", Kind.TEXT, "The tool, its historical spellings made one.", "t"),
        _plain("raw_name", Kind.TEXT, "The tool as the log spells it.", "t"),
        _plain("status", Kind.TEXT, "How the call ended, as in the API.", "t"),
        _plain("started_at", Kind.TIME, "When it began.", "t"),
        _plain("ended_at", Kind.TIME, "When it ended.", "t"),
        _plain("duration_ms", Kind.INTEGER, "How long it took, as logged.", "t"),
        _plain("params", Kind.JSON, "Its arguments.", "t"),
        _plain("result", Kind.JSON, "What it returned.", "t"),
        _plain("error_message", Kind.TEXT, "Why it failed, in the tool's words.", "t"),
    ),
    What.MESSAGES: (
        *_OF_EXECUTION,
        _plain("ordinal", Kind.INTEGER, "The line of the transcript, from 1.", "m"),
        _plain("at", Kind.TIME, "When it was written.", "m"),
        _plain("kind", Kind.TEXT, "What it is about, as in the API.", "m"),
        _plain("data", Kind.JSON, "The line as it stands, without secrets.", "m"),
    ),
    What.EVENTS: (
        *_OF_EXECUTION,
        _plain("seq", Kind.INTEGER, "Counted from 1 for each execution.", "v"),
        _plain("at", Kind.TIME, "When it happened, by the database's clock.", "v"),
        _plain("kind", Kind.TEXT, "What it tells of, as in the API.", "v"),
        _plain("status", Kind.TEXT, "The state that the execution moved to.", "v"),
        Column(
            "data",
            Kind.JSON,
            "CASE WHEN v.kind <> 'STATUS_CHANGED' THEN v.data END",
            "The tool call, progress or message of the event.",
        ),
    ),
}


def markdown() -> str:
    """The tables of docs/export.md."""
    return "\n".join(
        f"### `{what}`\n\n| column | type | unit | meaning |\n|---|---|---|---|\n"
        + "".join(f"| `{one.name}` | {one.kind} | {one.unit} | {one.meaning} |\n" for one in columns)
        for what, columns in COLUMNS.items()
    )


if __name__ == "__main__":
    print(markdown(), end="")
