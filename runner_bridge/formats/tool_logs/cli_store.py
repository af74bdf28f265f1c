"""The store of the upstream CLI, `cli_sessions.json`: tool logs that it has converted into a text of its own.

One JSON object of sessions by id, each with a text that looks like YAML. Its writer escapes nothing, so the
text is taken apart by the lines that it always has, and a value that is no YAML is kept as its text.
`benchmark_id` is not read: the CLI writes the name of the first tool there.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.strict_json import load_json
from runner_bridge.formats.times import from_rfc3339, milliseconds_of
from runner_bridge.formats.tool_logs.tool_call import CallStatus, ToolCall, normalise_tool_name, readable
from runner_bridge.formats.tool_logs.tool_log import Prompt

CLI_STORE = "cli_sessions.json"

_CALL = re.compile(r"^  - # Tool Call [0-9]+$", re.MULTILINE)
_FIELD = re.compile(r"^    (tool_name|start_time|end_time|duration_ms|success|error_message): (.*)$")
_TEXT_OF_PROMPT = re.compile(r"^  (user_prompt|final_prompt): \|$")
_TOOLS_OF_PROMPT = re.compile(r"^  tool_name_list: (\[.*\])$", re.MULTILINE)
_STEP = re.compile(r"^  - # Step [0-9]+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ConvertedLog:
    """A session of the store. `text` is the converted log as it stands."""

    session_id: str
    text: str
    created_at: dt.datetime | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    prompt: Prompt | None
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class CliStore:
    """The sessions of a store, and by their ids why others cannot be used."""

    sessions: tuple[ConvertedLog, ...]
    problems: dict[str, str]


def parse_cli_store(data: bytes, source: str) -> CliStore:
    """The store in a file's bytes; FormatError when it is none."""
    tree = load_json(data, source)
    if not isinstance(tree, dict):
        raise FormatError("not a CLI store: must be an object", source=source)
    sessions, problems = [], {}
    for key, entry in tree.items():
        try:
            sessions.append(_session(key, entry))
        except FormatError as error:
            problems[key] = error.message
    return CliStore(tuple(sessions), problems)


def _session(key: str, entry: Any) -> ConvertedLog:
    if not isinstance(entry, dict):
        raise FormatError("must be an object")
    text, session_id = entry.get("yml_content"), entry.get("session_id")
    if not isinstance(text, str) or not isinstance(session_id, str):
        raise FormatError("has no session_id or no yml_content")
    check_id(session_id, "session_id")
    if session_id != key:
        raise FormatError(f"is kept under another session's id than its own, {session_id}")
    return converted_log(session_id, text, from_rfc3339(entry.get("created_at")))


def converted_log(session_id: str, text: str, created_at: dt.datetime | None) -> ConvertedLog:
    """What a converted tool log says; of a text that is none, nothing."""
    text = text.replace("\r\n", "\n")
    head, _, rest = text.partition("\ntool_calls:")
    return ConvertedLog(
        session_id=session_id,
        text=text,
        created_at=created_at,
        started_at=_time_in(head, "start_time"),
        ended_at=_time_in(head, "end_time"),
        prompt=_prompt(head),
        calls=tuple(_calls(rest)),
    )


def _time_in(head: str, name: str) -> dt.datetime | None:
    match = re.search(rf"^{name}: (\S+)$", head, re.MULTILINE)
    return from_rfc3339(match[1]) if match else None


def _prompt(head: str) -> Prompt | None:
    _, found, block = head.partition("\nprompt:\n")
    if not found:
        return None
    texts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in block.split("\n"):
        if match := _TEXT_OF_PROMPT.match(line):
            current = texts.setdefault(match[1], [])
        else:
            current.append(line.removeprefix("    "))
    tools = _TOOLS_OF_PROMPT.search(block)
    names = _value(tools[1]) if tools else []
    return Prompt(
        at=None,
        user_prompt=_joined(texts.get("user_prompt")),
        final_prompt=_joined(texts.get("final_prompt")),
        tool_names=tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else (),
    )


def _joined(lines: Sequence[str] | None) -> str | None:
    return "\n".join(lines).rstrip("\n") if lines else None


def _calls(text: str) -> Iterator[ToolCall]:
    """The calls in the text after `tool_calls:`; what comes after the last of them belongs to none."""
    for number, block in enumerate(_CALL.split(_before_summary(text))[1:], start=1):
        yield _call(number, block.strip("\n").split("\n"))


def _before_summary(text: str) -> str:
    """Without the steps and the sums at the end, which begin with a line of their own."""
    end = text.rfind("\nsummary:\n")
    text = text if end < 0 else text[:end]
    steps = text.rfind("\nsteps:\n")
    return text[:steps] if steps >= 0 and _STEP.search(text, steps) else text


def _call(number: int, lines: Sequence[str]) -> ToolCall:
    fields: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines:
        if line in ("    input:", "    output:") and line.strip(" :") not in values:
            current = values.setdefault(line.strip(" :"), [])
        elif current is not None:
            current.append(line)
        elif match := _FIELD.match(line):
            fields.setdefault(match[1], match[2])
    raw_name = fields.get("tool_name", "")
    duration = fields.get("duration_ms", "")
    error = fields.get("error_message")
    success = {"true": CallStatus.SUCCESS, "false": CallStatus.ERROR}
    return ToolCall(
        ordinal=number,
        name=normalise_tool_name(raw_name),
        raw_name=raw_name,
        status=success.get(fields.get("success", ""), CallStatus.UNFINISHED),
        started_at=from_rfc3339(fields.get("start_time")),
        ended_at=from_rfc3339(fields.get("end_time")),
        duration_ms=milliseconds_of(int(duration)) if re.fullmatch(r"[0-9]{1,15}", duration) else None,
        params=_block(values.get("input", [])),
        result=_block(values.get("output", [])),
        error_message=error[1:-1] if error and error[0] == error[-1] == '"' else error,
    )


def _block(lines: Sequence[str]) -> JsonValue:
    """What stands under `input:` or `output:`; nothing there is null."""
    text = "\n".join(line.removeprefix("      ") for line in lines).strip("\n")
    return readable(_value(text)) if text else None


def _value(text: str) -> JsonValue:
    try:
        from runner_bridge.formats.strict_yaml import load_yaml

        return load_yaml(text.encode("utf-8", "surrogatepass"), "value")
    except FormatError:
        return text
