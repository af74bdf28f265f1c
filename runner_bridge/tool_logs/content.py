"""Makes the rows of a tool log: calls, prompts, times, remarks, and its lines as they stand.

An agent may pass a secret to its tools: the values of secrets in the runner's `environment` are taken out of
everything here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from runner_bridge.formats.tool_logs import tool_call as tool_call_format
from runner_bridge.formats.tool_logs import tool_log as tool_log_format
from runner_bridge.formats.tool_logs.tool_log import MAX_KEPT, size_before_cut
from runner_bridge.formats_to_rows import tool_call
from runner_bridge.ingest_failures import display
from runner_bridge.redaction import redact, redact_bytes, redact_json
from runner_bridge.tool_logs.log_file import ToolLogFile
from store.executions import tool_logs
from store.executions.ingest_problems import FoundFailure
from store.executions.tool_logs import LogRow, Remark, RemarkKind, StoredLog, split_text
from store.model import ExecutionId, JsonValue, ToolCall

Environment = Mapping[str, str]


def clean_call(call: tool_call_format.ToolCall, environment: Environment) -> ToolCall:
    """The call as it may be stored."""
    found = tool_call(call)
    return replace(
        found,
        name=redact(found.name, environment),
        raw_name=redact(found.raw_name, environment),
        params=redact_json(found.params, environment),
        result=redact_json(found.result, environment),
        error_message=redact_json(found.error_message, environment),
    )


def clean_calls(log: ToolLogFile, environment: Environment) -> tuple[ToolCall, ...]:
    return tuple(clean_call(call, environment) for call in log.reader.calls)


def stored_log(execution_id: ExecutionId, log: ToolLogFile, environment: Environment) -> StoredLog:
    """Everything of a log that was read to its end."""
    text = redact_bytes(log.take_text(), environment)
    calls = clean_calls(log, environment)
    return tool_logs.stored_log(execution_id, log_row(log, environment), calls, split_text(text))


def log_row(log: ToolLogFile, environment: Environment) -> LogRow:
    """What there is to store of a log beside its calls and lines."""
    reader = log.reader
    prompt, is_truncated = prompt_of(reader.prompts)
    return tool_logs.log_row(
        file=display(log.name),
        bytes=log.bytes,
        content_hash=log.content_hash,
        is_finished=log.is_finished,
        first_at=reader.first_at,
        last_at=reader.last_at,
        prompt=None if prompt is None else redact(prompt, environment),
        prompt_is_truncated=is_truncated,
        prompts=[redact_json(prompt_json(one), environment) for one in reader.prompts],
        remarks=[
            {"kind": one.kind, "line": one.line, "message": redact(one.message, environment)}
            for one in remarks_on(log)
        ],
    )


def remarks_on(log: ToolLogFile) -> list[Remark]:
    """What was not used of a log, or not as it stands."""
    return [Remark(kind, log.name, line, message) for kind, line, message in _remarks(log)]


def failures_of(log: ToolLogFile, environment: Environment) -> list[FoundFailure]:
    """Its lines that cannot be used, and the log itself where it cannot be read to its end."""
    offsets = {problem.line: problem.offset for problem in log.reader.problems}
    return [
        FoundFailure(
            display(log.name),
            content_hash=None,
            byte_offset=None if line is None else offsets.get(line),
            reason=redact(message, environment),
            line=line,
        )
        for kind, line, message in _remarks(log)
        if kind in (RemarkKind.CUT_OFF, RemarkKind.UNUSABLE_LINE)
    ]


def _remarks(log: ToolLogFile) -> Iterator[tuple[RemarkKind, int | None, str]]:
    reader = log.reader
    if log.cut_off is not None:
        yield RemarkKind.CUT_OFF, None, f"It was read no further than byte {log.bytes}: {log.cut_off}"
    if reader.adopted is not None:
        yield (
            *(RemarkKind.OTHER_SESSION, None),
            f"Its lines are of session {reader.adopted}, not of {reader.session_id}; they are shown all the same",
        )
    for foreign in reader.foreign:
        lines = "this line is" if foreign.count == 1 else f"{foreign.count} lines from here on are"
        yield (
            RemarkKind.OTHER_SESSION,
            foreign.first_line,
            f"{lines} of session {foreign.session_id}: set aside",
        )
    if reader.problem_count > MAX_KEPT:
        count = reader.problem_count
        yield RemarkKind.UNUSABLE_LINE, None, f"{count} lines cannot be used; the first {MAX_KEPT} are named"
    for problem in reader.problems:
        yield RemarkKind.UNUSABLE_LINE, problem.line, problem.message
    for note in reader.notes:
        yield RemarkKind.CHANGED_LINE, note.line, note.message


def prompt_of(prompts: Sequence[tool_log_format.Prompt]) -> tuple[str | None, bool]:
    """The prompt of the execution, and whether it was cut: the first user prompt, else the first final prompt."""
    for prompt in prompts:
        if prompt.user_prompt:
            return prompt.user_prompt, size_before_cut(prompt.user_prompt) is not None
    for prompt in prompts:
        if prompt.final_prompt:
            return prompt.final_prompt, prompt.original_bytes is not None
    return None, False


def prompt_json(prompt: tool_log_format.Prompt) -> JsonValue:
    """The prompt as JSON, as store.executions.tool_logs reads it."""
    return {
        "at": None if prompt.at is None else prompt.at.isoformat(),
        "user_prompt": prompt.user_prompt,
        "final_prompt": prompt.final_prompt,
        "original_bytes": prompt.original_bytes,
        "tool_names": list(prompt.tool_names),
    }
