"""Transcripts: every line is an entry, whatever is in it, and the sums are those of the lines."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from runner_bridge.formats.agents import transcript
from runner_bridge.formats.agents.model_usage import usage_of_session
from runner_bridge.formats.agents.transcript import Entry, EntryKind, TranscriptReader

AT = "2026-01-02T03:04:05.678901Z"


def line(kind: str, **values: Any) -> bytes:
    return json.dumps({"timestamp": AT, "kind": kind, **values}).encode() + b"\n"


ASKED = line("request", **{"gen_ai.request.model": "m", "reev.settings.hash": "s", "reev.prompt.hash": "p"})
FAILED = line("error", **{"error.type": "TIMEOUT", "reev.next_try_s": 0.5})
ANSWERED = line(
    "response",
    **{"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2, "gen_ai.response.model": "m-1"},
)
CALLED = line("tool", **{"gen_ai.tool.name": "pay", "error.type": "tool_error"})
ENDED = line(
    "end", **{"reev.stop_reason": "stop", "reev.turns": 7, "reev.cost": 0.25, "gen_ai.usage.input_tokens": 99}
)


def read(data: bytes, *, piece: int | None = None) -> tuple[TranscriptReader, list[Entry]]:
    reader = TranscriptReader()
    size = piece or max(1, len(data))
    entries = [entry for at in range(0, len(data), size) for entry in reader.feed(data[at : at + size])]
    return reader, entries + reader.finish()


def test_lines_are_entries_with_their_numbers_times_and_ends_however_the_bytes_come() -> None:
    data = ASKED + b"\r\n" + ANSWERED.replace(b"\n", b"\r\n") + CALLED[:-1]
    whole = read(data)[1]
    assert [(entry.ordinal, entry.kind) for entry in whole] == [
        (1, EntryKind.REQUEST),
        (3, EntryKind.RESPONSE),
        (4, EntryKind.TOOL),
    ]
    assert whole[0].at == dt.datetime(2026, 1, 2, 3, 4, 5, 678901, dt.UTC)
    assert [whole[0].end, whole[-1].end] == [len(ASKED), len(data)]
    assert whole[0].data == json.loads(ASKED)
    for piece in (1, 2, 7, 64):
        assert [(one.ordinal, one.data) for one in read(data, piece=piece)[1]] == [
            (one.ordinal, one.data) for one in whole
        ]


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"what is this", "what is this"),
        (b"[1]", "[1]"),
        (b'{"kind": NaN}', '{"kind": NaN}'),
        (b'{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        (b'{"kind": "request"} {"kind": "end"}', '{"kind": "request"} {"kind": "end"}'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 5000, "x" * transcript.MAX_SHOWN),
    ],
)
def test_a_line_that_is_no_object_is_kept_as_text_and_costs_only_itself(raw: bytes, kept: str) -> None:
    _, entries = read(ASKED + raw + b"\n" + ANSWERED)
    assert [entry.kind for entry in entries] == [EntryKind.REQUEST, EntryKind.OTHER, EntryKind.RESPONSE]
    assert (entries[1].data, entries[1].at) == (kept, None)


def test_other_kinds_and_odd_times_are_kept_as_they_stand() -> None:
    lines = [{"kind": "applause"}, {"kind": 5}, {}, {"kind": "END", "timestamp": "yesterday"}]
    _, entries = read(b"".join(json.dumps(one).encode() + b"\n" for one in lines))
    assert [entry.kind for entry in entries] == [EntryKind.OTHER] * 4
    assert [entry.data for entry in entries] == lines
    assert {entry.at for entry in entries} == {None}


def test_a_transcript_is_bounded_in_lines_and_in_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "MAX_ENTRIES", 2)
    assert len(read(ASKED * 5)[1]) == 2
    huge = b'{"kind": "' + b"x" * transcript.MAX_LINE_BYTES + b'"}\n'
    [entry, after] = read(huge + ASKED)[1]
    assert entry.kind is EntryKind.OTHER and "more than the" in entry.data
    assert after.kind is EntryKind.REQUEST and after.end == len(huge + ASKED)


def test_what_a_model_used_is_the_sum_of_the_lines_until_an_end_says_it() -> None:
    reader, _ = read(ASKED + FAILED + ASKED + ANSWERED + CALLED + ANSWERED)
    assert reader.usage.value == {
        "requests": 2,
        "retries": 1,
        "turns": 2,
        "tool_calls": 1,
        "invalid_tool_calls": 1,
        "input_tokens": 20,
        "output_tokens": 4,
        "model": "m",
        "response_model": "m-1",
        "settings_hash": "s",
        "prompt_hash": "p",
    }
    reader.feed(ENDED)
    assert reader.usage.value is not None
    assert {
        "turns": 7,
        "input_tokens": 99,
        "output_tokens": 4,
        "cost": 0.25,
        "stop_reason": "stop",
    }.items() <= (reader.usage.value.items())


def test_nothing_was_used_where_no_model_was_asked() -> None:
    assert read(b"nonsense\n" + line("applause"))[0].usage.value is None
    assert usage_of_session(None) is None
    assert usage_of_session([]) is None


def test_what_a_session_file_says_is_taken_where_it_is_of_the_right_type() -> None:
    llm = {
        "turns": 2,
        "requests": -1,
        "retries": True,
        "input_tokens": 2**31,
        "output_tokens": "5",
        "cost": 1,
    }
    assert usage_of_session(llm) == {"turns": 2, "cost": 1.0}
    assert usage_of_session({"cost": float("nan"), "final_text": "x" * 9000, "invalid_calls": 3}) == {
        "final_text": "x" * 8000,
        "invalid_tool_calls": 3,
    }
