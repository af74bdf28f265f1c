"""The store's enums as GraphQL enums, each value described.

The types import them from here, because an enum must be described before the first type that uses it is made.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any

import strawberry

from runner_bridge.formats.agents.agent_settings import ConversationMode, ModelProtocol, OnLimit, ToolSet
from runner_bridge.outgoing import ConnectionProblemKind
from runner_bridge.sessions.flows import FlowSource
from runner_bridge.sessions.reports import ImportOutcome
from schema.differences.executions import Difference
from schema.differences.text_diff import LineKind as DiffLineKind
from schema.differences.tree_diff import ChangeKind as DefinitionChangeKind
from schema.renderings.flow_diagram import FlowNodeKind
from store.agents.performance import Bucket
from store.api_tokens import Scope
from store.executions.filters import OrderField
from store.executions.imports import ImportState
from store.executions.results import PromptSource
from store.executions.tool_logs import RemarkKind as ExecutionRemarkKind
from store.figures.comparing import Verdict as ComparisonVerdict
from store.figures.ordering import LeaderboardField
from store.model import (
    ArchiveReason,
    BatchStatus,
    ExclusionReason,
    ExecutionOrigin,
    ExecutionStatus,
    FailureKind,
    RerunOnly,
    RunnerKind,
    SyncOutcome,
    ToolCallStatus,
)
from store.model import MessageKind as ConversationEntryKind
from store.webhooks.webhooks import WebhookEvent

__all__ = [
    "ArchiveReason",
    "BatchStatus",
    "Bucket",
    "ComparisonVerdict",
    "ConnectionProblemKind",
    "ConversationEntryKind",
    "ConversationMode",
    "DefinitionChangeKind",
    "DiffLineKind",
    "Difference",
    "ExclusionReason",
    "ExecutionOrigin",
    "ExecutionRemarkKind",
    "ExecutionStatus",
    "FailureKind",
    "FlowNodeKind",
    "FlowSource",
    "ImportOutcome",
    "ImportState",
    "LeaderboardField",
    "ModelProtocol",
    "OnLimit",
    "OrderDirection",
    "OrderField",
    "PromptSource",
    "RerunOnly",
    "RunnerKind",
    "Scope",
    "SyncOutcome",
    "ToolCallStatus",
    "ToolSet",
    "WebhookEvent",
]


def _describe(enum: type[Enum], name: str, description: str, values: Mapping[str, str]) -> None:
    """Registers `enum`; every value must be described."""
    registered: Any = strawberry.enum(enum, name=name, description=description)
    for value in registered.__strawberry_definition__.values:
        value.description = values[value.name]


_describe(
    ExecutionStatus,
    "ExecutionStatus",
    "The state of an execution. The last five are terminal: such an execution never changes again.",
    {
        "QUEUED": "Waits for a worker.",
        "RUNNING": "Its runner was started.",
        "STOPPING": "Its stop was requested, and a process of its runner still exists.",
        "SUCCEEDED": "The session file reports success.",
        "FAILED": "It failed; `failure` says why.",
        "TIMED_OUT": "It ran longer than `timeoutMs` and was ended.",
        "STOPPED": "It was stopped on request, however its runner ended.",
        "LOST": "Its worker and its runner no longer exist, and there is no result.",
    },
)

_describe(
    FailureKind,
    "FailureKind",
    "Why an execution failed.",
    {
        "LAUNCH": "The runner could not be started.",
        "RUNNER_EXIT": "The runner exited with an error and wrote no session file.",
        "RESULT_MISSING": "The runner exited normally and wrote no session file.",
        "RESULT_UNREADABLE": "The session file is damaged.",
        "RESULT_MISMATCH": "The session file names another execution or benchmark.",
        "BENCHMARK": "The benchmark was executed and its own result is a failure.",
        "AGENT": "The agent failed.",
        "NOT_RUNNABLE": "The runner cannot execute this benchmark.",
        "TIMEOUT": "The time limit was reached.",
        "LOST": "Nothing is known of the runner any more.",
        "ENDPOINT": "The endpoint of the agent's model gave no usable answer; that does not count against the "
        "agent.",
    },
)

_describe(
    ExclusionReason,
    "ExclusionReason",
    "Why an ended execution is no attempt of its agent: a state, or the kind of its failure.",
    {
        "STOPPED": "It was stopped.",
        "LOST": "Nothing is known of its runner any more.",
        "LAUNCH": "Its runner could not be started.",
        "RUNNER_EXIT": "Its runner exited with an error.",
        "RESULT_MISSING": "Its runner wrote no session file.",
        "RESULT_UNREADABLE": "Its session file is damaged.",
        "RESULT_MISMATCH": "Its session file is of something else.",
        "NOT_RUNNABLE": "Its runner cannot execute the benchmark.",
        "TIMEOUT": "A time limit ended it before its runner had begun.",
        "ENDPOINT": "The endpoint of the agent's model gave no usable answer.",
    },
)

_describe(
    ExecutionOrigin,
    "ExecutionOrigin",
    "How an execution came here.",
    {
        "REQUESTED": "This server started its runner, on request.",
        "OBSERVED": "Another program started its runner; its files were found in the sessions directory.",
        "IMPORTED": "It was recorded by reev, and imported from its database.",
    },
)

_describe(
    ImportState,
    "ImportState",
    "The state of an import of a reev database.",
    {
        "RUNNING": "It is carried out.",
        "COMPLETED": "All of the database was looked at.",
        "FAILED": "It ended before; `problem` says why. What was stored until then stays stored.",
    },
)

_describe(
    ToolCallStatus,
    "ToolCallStatus",
    "How a tool call ended.",
    {
        "SUCCESS": "It returned a result.",
        "ERROR": "It failed.",
        "TIMEOUT": "It took too long.",
        "UNFINISHED": "The tool log holds no output for it (yet).",
    },
)

_describe(
    ArchiveReason,
    "ArchiveReason",
    "Why a benchmark is archived.",
    {
        "FILE_MISSING": "A sync found its file missing; it is restored when the file is back.",
        "REQUESTED": "Somebody archived it; only `restoreBenchmark` restores it.",
    },
)

_describe(
    SyncOutcome,
    "SyncOutcome",
    "What a sync did with one file.",
    {
        "CREATED": "A new benchmark.",
        "UPDATED": "Its content changed: a new revision. Or its file reappeared or was renamed, or it was "
        "restored.",
        "UNCHANGED": "Nothing was written.",
        "ARCHIVED": "Its file is missing, or somebody archived it; its executions stay readable.",
        "KEPT": "Its file is not in this server's benchmarks directory, but another directory brought it: "
        "it stays.",
        "FAILED": "The file was refused; the former revision stays.",
    },
)

_describe(
    RunnerKind,
    "RunnerKind",
    "Which runner this server started.",
    {
        "LOCAL": "Our own: real Solana programs in a VM, no network.",
        "COMMAND": "The one that is configured, such as reev's own.",
    },
)

_describe(
    FlowSource,
    "FlowSource",
    "Where a flow was read from.",
    {
        "DATABASE": "The database.",
        "SESSION_FILE": "A session file in the sessions directory, which the database does not know.",
    },
)

_describe(
    FlowNodeKind,
    "FlowNodeKind",
    "What a node of a flow represents.",
    {
        "START": "Where it begins.",
        "PROMPT": "The prompt.",
        "AGENT": "The agent.",
        "TOOL": "A tool, one node however often it was called.",
        "ACCOUNT": "One side of a transfer; it is within its tool.",
        "END": "Where it ends.",
    },
)

_describe(
    WebhookEvent,
    "WebhookEvent",
    "What a webhook is told of.",
    {
        "EXECUTION_ENDED": "An execution has ended, in any state: `execution.ended`.",
        "BATCH_ENDED": "The last execution of a batch has ended: `batch.ended`.",
    },
)


class OrderDirection(StrEnum):
    """Which end of an order comes first."""

    ASC = "ASC"
    DESC = "DESC"


_describe(
    OrderDirection,
    "OrderDirection",
    "Which end of an order comes first.",
    {"ASC": "Oldest, lowest or shortest first.", "DESC": "Newest, highest or longest first."},
)

_describe(
    OrderField,
    "ExecutionOrderField",
    "What executions can be sorted by.",
    {
        "QUEUED_AT": "When they were requested.",
        "SCORE": "The score that the session file reports.",
        "COMPUTED_SCORE": "The score computed here.",
        "EXECUTION_TIME": "How long the runner ran, `executionTimeMs`.",
        "COST": "What its model cost, `usage { cost }`; unknown before the end.",
        "TOKENS": "Input and output tokens of its model together; unknown before the end.",
    },
)

_describe(
    BatchStatus,
    "BatchStatus",
    "The state of a batch, which follows from its executions.",
    {"RUNNING": "One of its executions at least has not ended.", "COMPLETED": "All of them have ended."},
)

_describe(
    RerunOnly,
    "RerunOnly",
    "Which executions of a batch are repeated, of those that have ended.",
    {
        "FAILED": "Those that are FAILED, TIMED_OUT or LOST.",
        "NOT_SOLVED": "Attempts that were not solved, or of which that is not known.",
        "EXCLUDED": "Those that are no attempts: they say nothing about their agents.",
        "ALL": "All that have ended.",
    },
)

_describe(
    Bucket,
    "PerformanceBucketSize",
    "The length of the periods of performance over time.",
    {
        "DAY": "A UTC day.",
        "WEEK": "Seven UTC days from a Monday on.",
        "MONTH": "A calendar month in UTC.",
    },
)

_describe(
    DiffLineKind,
    "DiffLineKind",
    "Which of the two texts of a diff a line is in.",
    {
        "CONTEXT": "Both.",
        "REMOVED": "Only the former.",
        "ADDED": "Only the later.",
    },
)

_describe(
    DefinitionChangeKind,
    "DefinitionChangeKind",
    "How a part of a definition changed.",
    {
        "ADDED": "It is new.",
        "REMOVED": "It was removed.",
        "CHANGED": "It has another value.",
    },
)

_describe(
    Difference,
    "Difference",
    "How the two sides of a comparison differ.",
    {
        "SAME": "They are equal.",
        "CHANGED": "They are not equal.",
        "ONLY_LEFT": "Only the left side has it.",
        "ONLY_RIGHT": "Only the right side has it.",
    },
)

_describe(
    ImportOutcome,
    "ImportOutcome",
    "What an import did with one file.",
    {
        "IMPORTED": "It is a new execution, or the result of one that was observed.",
        "ADDED": "A tool log: its calls were added to its execution.",
        "UNCHANGED": "It was stored before, with this very content, or has nothing to store: `reason`.",
        "CONFLICT": "Its execution is stored with other content, or has not ended; nothing was changed.",
        "FAILED": "It is damaged; nothing was written.",
    },
)

_describe(
    ConnectionProblemKind,
    "ConnectionProblemKind",
    "Why an endpoint did not answer as expected.",
    {
        "NAME_NOT_FOUND": "Its name cannot be resolved.",
        "REFUSED": "Nothing listens there.",
        "UNREACHABLE": "There is no route to it.",
        "TIMEOUT": "It did not answer in time.",
        "TLS": "No secure connection: its certificate, or it does not speak TLS.",
        "FORBIDDEN_ADDRESS": "An address that is never asked, such as a link-local one.",
        "UNAUTHORIZED": "It does not accept the API key (401, 403).",
        "NOT_FOUND": "It does not know the path or the model (404).",
        "RATE_LIMITED": "It takes no more requests just now (429).",
        "REDIRECT": "It redirects, which is not followed.",
        "REJECTED": "It rejects the request (another 4xx).",
        "SERVER_ERROR": "It failed (5xx).",
        "BAD_ANSWER": "Its answer is not what such an API answers.",
    },
)

_describe(
    Scope,
    "TokenScope",
    "What a token permits; each scope includes the ones before it.",
    {
        "READ": "Read everything.",
        "RUN": "Start and stop executions.",
        "ADMIN": "Change benchmarks, agents and webhooks, import files.",
    },
)

_describe(
    PromptSource,
    "PromptSource",
    "Where a prompt was read.",
    {
        "SESSION_FILE": "The session file.",
        "TOOL_LOG": "The tool log: no session file has one.",
        "IMPORT_RECORD": "What it was imported from: reev's database, or the session file beside that.",
    },
)

_describe(
    ExecutionRemarkKind,
    "ExecutionRemarkKind",
    "What a remark on an execution is about.",
    {
        "UNUSABLE_LINE": "A line of the tool log could not be used; it is in `health{ingestFailures}` too.",
        "CHANGED_LINE": "A line was used with a change, or belongs to no call.",
        "CHANGED_VALUE": "A value of the session file was used with a change.",
        "OTHER_SESSION": "Lines belong to another session.",
        "CUT_OFF": "A file was not read, or not to its end.",
    },
)

_describe(
    ModelProtocol,
    "ModelProtocol",
    "The interface that a model's endpoint speaks.",
    {
        "OPENAI": "Chat completions with tools, as OpenAI and most others offer them.",
        "ANTHROPIC": "Anthropic's Messages with tools.",
    },
)

_describe(
    ToolSet,
    "ToolSet",
    "How the tools that a model is offered take amounts.",
    {
        "BASE_UNITS": "As integers in lamports and in the smallest unit of a token, as upstream's tools do.",
        "DECIMAL": "As decimal text in SOL and in whole tokens.",
    },
)

_describe(
    ConversationMode,
    "ConversationMode",
    "What a step of a flow begins with.",
    {
        "PER_STEP": "A new conversation, which shows the accounts as they are then.",
        "CONTINUED": "The conversation of the steps before.",
    },
)

_describe(
    OnLimit,
    "OnLimit",
    "What happens when a step reaches a limit of turns, tool calls or time.",
    {
        "EXECUTE": "What was prepared until then is executed.",
        "FAIL": "The execution fails, as a failure of its agent.",
    },
)

_describe(
    ConversationEntryKind,
    "ConversationEntryKind",
    "What an entry of a conversation is about.",
    {
        "REQUEST": "The model is asked; repeated requests have an entry each.",
        "RESPONSE": "The model's answer.",
        "TOOL": "A tool call was carried out, or refused.",
        "ERROR": "A request failed.",
        "END": "A step's conversation is over; with sums over all steps so far.",
        "FULL": "The transcript has reached its greatest length: what follows was not written.",
        "OTHER": "A line of another kind, or one that is no JSON object.",
    },
)

_describe(
    ComparisonVerdict,
    "ComparisonVerdict",
    "Whether the candidate solves more than the baseline.",
    {
        "BETTER": "It solves more: the 95 % interval of the difference lies above 0.",
        "WORSE": "It solves less: the interval lies below 0.",
        "CANNOT_TELL": "The interval holds 0, or there is none.",
    },
)

_describe(
    LeaderboardField,
    "LeaderboardField",
    "What a leaderboard can be sorted by. Entries without it come last.",
    {
        "AGENT": "By name.",
        "ATTEMPTS": "By how many attempts there are.",
        "SOLVED": "By how many were solved.",
        "SOLVE_RATE": "By the share that was solved.",
        "MEAN_SCORE": "By the mean computed score.",
        "MEDIAN_SCORE": "By the middle computed score.",
        "BENCHMARKS": "By how many benchmarks were attempted.",
        "INPUT_TOKENS": "By the tokens that were read.",
        "OUTPUT_TOKENS": "By the tokens that were written.",
        "COST": "By the whole cost.",
        "COST_PER_ATTEMPT": "By the cost of an attempt.",
        "COST_PER_SOLVED": "By the cost of a solved one.",
        "MEAN_TIME": "By the mean execution time.",
        "P50_TIME": "By the median execution time.",
        "P95_TIME": "By its 95th percentile.",
    },
)
