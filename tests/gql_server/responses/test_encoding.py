"""JSON of answers: moments as `isoformat` writes them, ready JSON as it is, whatever else is in the answer."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql_server.responses.encoding import encode
from schema.contract.selection import ReadyJson

READY = b'{"a": [1.50, null, "\xc3\xa9"]}'
BEYOND = {"large": 2**70, "half": "\ud800"}
"""What the fast encoder refuses."""


@given(moment=st.datetimes(timezones=st.just(dt.UTC)))
def test_moments_in_utc_are_written_as_isoformat_does(moment: dt.datetime) -> None:
    assert encode({"at": moment}) == encode({"at": moment.isoformat()})


@pytest.mark.parametrize("more", [{}, BEYOND])
def test_ready_json_goes_into_the_answer_beside_anything(more: dict[str, object]) -> None:
    moment = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    id_ = uuid.uuid4()
    text = encode({"data": {"ready": ReadyJson(READY), "at": moment, "id": id_, **more}})
    assert json.loads(text) == {
        "data": {"ready": json.loads(READY), "at": "2026-01-02T00:00:00+00:00", "id": str(id_), **more}
    }


def test_ready_json_is_not_touched() -> None:
    assert encode({"ready": ReadyJson(READY)}) == b'{"ready":' + READY + b"}"


def test_what_is_no_part_of_an_answer_is_refused() -> None:
    with pytest.raises(TypeError, match="object is no part of an answer"):
        encode({"data": object()})
