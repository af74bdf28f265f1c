"""What the routes read and answer, each declared once: answers are made of these, and the OpenAPI document too.

Names and nesting are the old server's. Where its two versions differ, an answer has the members of both.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gql_server.rest.words import FinalWord, LowerState, State


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class _Body(BaseModel):
    """A body that is read; members that are not known are named in the answer."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True, defer_build=True)

    @property
    def unknown(self) -> list[str]:
        """The members that nothing is done with."""
        return sorted(self.model_extra or ())


class ErrorAnswer(_Answer):
    """An error."""

    error: str = Field(description="A code for programs.")
    message: str = Field(description="What is wrong and what to do, for a person.")


class HealthAnswer(_Answer):
    """The server can use its database."""

    status: Literal["healthy"]
    timestamp: dt.datetime = Field(description="The time of the database.")
    version: str


class ListedBenchmark(_Answer):
    """A benchmark in the list."""

    id: str
    description: str
    tags: list[str]
    prompt: str


class RecentExecution(_Answer):
    """An execution of a benchmark."""

    execution_id: str
    agent_type: str
    status: LowerState
    created_at: dt.datetime
    score: float | None = Field(description="As the session file reports it; null without one.")


class BenchmarkAnswer(ListedBenchmark):
    """A benchmark with its newest executions."""

    recent_executions: list[RecentExecution] = Field(description="The newest 10, newest first.")
    latest_execution_id: str | None


class Metadata(_Answer):
    """What the old server had no word for."""

    status: str = Field(
        description="The state as GraphQL names it: TIMED_OUT, STOPPED and LOST are Failed above."
    )
    failure_kind: str | None
    exit_code: int | None
    origin: str
    session_id: str
    benchmark_revision: int | None
    reported_success: bool | None
    computed_score: float | None = Field(
        description="The score computed here; `score` is the session file's."
    )
    solved: bool | None
    is_attempt: bool | None
    steps_done: int | None
    steps_total: int | None
    page: str = Field(description="Path of the execution on this server's own page.")


class Result(_Answer):
    """The result, once it is there."""

    success: bool | None
    score: float | None
    duration_ms: int | None
    exit_code: int | None


class StatusAnswer(_Answer):
    """The state of an execution."""

    id: str
    execution_id: str
    benchmark_id: str
    agent: str
    status: State
    progress: float = Field(ge=0, le=1)
    created_at: dt.datetime
    updated_at: dt.datetime = Field(description="When its state last changed.")
    start_time: dt.datetime | None
    end_time: dt.datetime | None
    timestamp: dt.datetime = Field(description="When it ended, else when it was requested.")
    score: float | None
    execution_time_ms: int | None
    error: str | None
    error_message: str | None = Field(description="The same as `error`.")
    trace: str
    logs: str = Field(description="Always empty: the runner's output is in GraphQL's execution { log }.")
    result_data: Result | None
    metadata: Metadata


class _Logs(_Answer):
    benchmark_id: str
    execution_id: str | None = None
    agent_type: str | None = None
    interface: Literal["web"] = "web"
    status: LowerState | None = None
    final_status: FinalWord | None = None
    is_running: bool = False
    progress: float = Field(0.0, ge=0, le=1)
    message: str | None = Field(None, description="Why there is nothing to show; null when there is.")
    result: Result | None = None


class ExecutionLogs(_Logs):
    """What happened, as text."""

    trace: str = ""


class TransactionLogs(_Logs):
    """What the transactions logged, as text."""

    transaction_logs: str = ""
    format: Literal["tree", "yaml", "plain"] = Field(
        "tree", description="`yaml` is a tree of programs, as ever."
    )
    show_cu: bool = Field(True, description="Whether compute units are shown.")


class LoggedSession(_Answer):
    """An execution in the list of a benchmark."""

    session_id: str
    agent_type: str
    interface: Literal["web"] = "web"
    status: LowerState
    final_status: FinalWord
    is_running: bool
    progress: float = Field(ge=0, le=1)
    score: float | None
    start_time: dt.datetime | None
    end_time: dt.datetime | None


class FlowLogs(_Answer):
    """The newest executions of a benchmark."""

    benchmark_id: str
    sessions: list[LoggedSession] = Field(description="The newest 50, newest first.")
    message: str | None


class FlowMetadata(_Answer):
    """How large a flow is."""

    state_count: int
    tool_count: int
    execution_time_ms: int | None
    benchmark_id: str
    session_id: str


class FlowCall(_Answer):
    """A tool call."""

    tool_name: str
    start_time: dt.datetime | None
    end_time: dt.datetime | None
    duration_ms: int | None
    status: str
    success: bool | None = Field(description="Null while it has not ended.")
    error: str | None


class FlowAnswer(_Answer):
    """What an agent did, as a Mermaid state diagram."""

    session_id: str
    diagram: str
    metadata: FlowMetadata
    sessions: list[str] = Field(description="Always empty: sessions are not consolidated here.")
    tool_calls: list[FlowCall]


class RunBody(_Body):
    """Which agent executes it."""

    agent: str
    config: ConfigBody | None = Field(
        None, description="Saved first where it differs, which needs the scope admin."
    )


class RunAnswer(_Answer):
    """The execution that was requested."""

    execution_id: str
    status: State
    created: bool = Field(description="False where the Idempotency-Key had been used for it before.")
    duration_ms: int
    result: Result | None
    error: str | None
    logs: list[str] = Field(description="Members of the body that nothing was done with.")
    tool_calls: list[str] = Field(description="Always empty: ask for its trace.")


class StopAnswer(_Answer):
    """Whether it has stopped."""

    status: Literal["stopped", "stopping"] = Field(
        description="`stopping` (202) until no process of it lives."
    )
    message: str


class ConfigBody(_Body):
    """How an agent reaches its model. What is left out stays as it is."""

    agent_type: str
    api_url: str | None = None
    api_base: str | None = Field(None, description="Another name of `api_url`.")
    api_key: str | None = Field(None, repr=False, description="`***…` leaves the stored key as it is.")
    model: str | None = None
    max_tokens: int | None = None

    @property
    def url(self) -> str | None:
        return self.api_base if self.api_url is None else self.api_url

    @property
    def new_key(self) -> str | None:
        """The key that is given; None leaves the stored one as it is."""
        return None if self.api_key is None or self.api_key.startswith("***") else self.api_key


class ConfigAnswer(_Answer):
    """How an agent reaches its model, without its key."""

    agent_type: str
    api_url: str | None
    api_key: str | None = Field(description="`***`, for admins with the last 4 characters; null without one.")
    model: str | None


class SavedAnswer(_Answer):
    """The configuration is stored."""

    status: Literal["saved"]
    message: str


class TestAnswer(_Answer):
    """What the endpoint answered."""

    status: Literal["success", "error"]
    message: str


class AgentResult(_Answer):
    """An ended execution."""

    id: str
    session_id: str
    benchmark_id: str
    score: float = Field(description="0 where none is known: see `score_known`.")
    score_known: bool
    computed_score: float | None
    solved: bool | None
    final_status: FinalWord
    status: str = Field(description="The state as GraphQL names it.")
    timestamp: dt.datetime


class AgentFigures(_Answer):
    """The figures of an agent over all its ended executions."""

    agent_type: str
    total_benchmarks: int = Field(description="Different benchmarks.")
    total_executions: int
    average_score: float = Field(description="Over the scores that are known; 0 where none is.")
    average_score_known: bool
    success_rate: float = Field(ge=0, le=1)
    best_benchmarks: list[str] = Field(description="Up to 5, by their latest score.")
    worst_benchmarks: list[str]
    results: list[AgentResult] = Field(description="Of the newest of all agents (REEV_GQL_REST_RESULTS).")


class UpsertBody(_Body):
    """A benchmark definition."""

    yml_content: str


class UpsertAnswer(_Answer):
    """The definition is stored."""

    success: Literal[True]
    benchmark_id: str = Field(description="Its id; the old server answered with an MD5 sum.")
    operation: Literal["created", "updated", "unchanged"]
    message: str


class UpsertRefused(ErrorAnswer):
    """The text is no definition."""

    success: Literal[False]
    line: int | None
    column: int | None


class SyncedBenchmark(_Answer):
    """A file that was read."""

    name: str
    md5: None = Field(description="Always null: contents are compared by SHA-256.")
    operation: Literal["created", "updated", "unchanged", "archived"]
    processing_time_ms: None = Field(description="Always null: it is not measured for each file.")


class SyncError(_Answer):
    """A file that was refused."""

    file: str
    message: str


class SyncCounts(_Answer):
    """What was done."""

    processed_count: int
    new_count: int
    updated_count: int
    archived_count: int
    error_count: int
    duration_ms: int
    synced_benchmarks: list[SyncedBenchmark]
    errors: list[SyncError]


class SyncAnswer(_Answer):
    """The database holds what is in the benchmarks directory."""

    success: bool = Field(description="Whether no file was refused.")
    synced_count: SyncCounts
    message: str


RunBody.model_rebuild()
