"""Log records: one line each whatever is in them, and no secret in any."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from gql_server.process.logs import configure_logging
from runner_bridge.log_context import fields

CANARY = "canary-password"
HOSTILE = "first\nsecond \x1b[31mred\x1b[0m \x00 \u202e \r end"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def configure(style: Literal["console", "json"], *, colors: bool = False) -> None:
    configure_logging("info", style, [CANARY], colors=colors)


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_record_is_one_line_whatever_is_in_it(
    capsys: pytest.CaptureFixture[str], style: Literal["console", "json"]
) -> None:
    configure(style)
    logging.getLogger("ours").info("event", extra=fields(text=HOSTILE, number=3))
    logging.getLogger("theirs").warning("message %s", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("ours").exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() or style == "json" for line in lines)
    assert "ValueError" in lines[2] and "Traceback" in lines[2]
    if style == "json":
        assert json.loads(lines[0])["text"] == HOSTILE
        assert json.loads(lines[0])["number"] == 3


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_secret_is_in_a_record(
    capsys: pytest.CaptureFixture[str], style: Literal["console", "json"]
) -> None:
    configure(style)
    told = fields(url=f"postgresql://u:{CANARY}@h/d", parts=[CANARY])
    logging.getLogger("ours").info(f"event {CANARY}", extra=told)
    logging.getLogger("theirs").error("message %s", CANARY)
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("theirs").exception("failed")
    text = capsys.readouterr().err
    assert "***" in text
    assert CANARY not in text


def test_less_severe_records_and_chatty_libraries_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("console")
    logging.getLogger("ours").debug("debug")
    logging.getLogger("alembic").info("chat")
    logging.getLogger("strawberry.execution").error("logged by masking, with an id")
    assert capsys.readouterr().err == ""
