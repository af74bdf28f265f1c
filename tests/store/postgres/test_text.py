"""Nothing an agent produces can fail a write: what PostgreSQL refuses is stored as its visible escape."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.benchmarks import benchmarks
from store.benchmarks import listing as benchmark_listing
from store.benchmarks.listing import BenchmarkBounds, BenchmarkFilter
from store.executions import listing, results, state_machine
from store.executions.filters import ExecutionFilter
from store.executions.listing import ExecutionBounds
from store.executions.results import Prompt, PromptSource
from store.model import EventKind, ExecutionStatus, Failure, FailureKind, Step
from store.postgres.database import Database
from store.postgres.text import encode_json, storable_json, storable_text
from tests.helpers.stored_rows import NASTY_STORED, append, call, draft, ending, nasty, queued, running

TEXT = "a\x00b\ud800"
STORED = "a\\u0000b\\ud800"


async def test_whatever_a_tool_call_holds_is_stored_and_comes_back(db: Database) -> None:
    execution_id = await running(db)
    given = {"params": nasty(), "result": [nasty()], "error_message": TEXT, "name": TEXT, "raw_name": TEXT}
    assert await append(db, execution_id, 1, **given)
    [stored] = (await results.tool_calls_of(db, [execution_id]))[execution_id]
    assert stored == call(
        1, params=NASTY_STORED, result=[NASTY_STORED], error_message=STORED, name=STORED, raw_name=STORED
    )
    told = await db.fetchval("SELECT data FROM execution_events WHERE kind = 'TOOL_CALL_ENDED'")
    assert (told["params"], told["name"]) == (NASTY_STORED, STORED)


async def test_whatever_a_result_holds_is_stored_and_comes_back(db: Database) -> None:
    execution_id = await running(db)
    end = ending(
        ExecutionStatus.FAILED,
        failure=Failure(FailureKind.AGENT, TEXT),
        exit_signal=TEXT,
        scoring=nasty(),
        assertions=[nasty()],
        session_file_hash="h",
        prompt=TEXT,
        session=nasty(),
        steps=(Step(1, TEXT, [nasty()], nasty(), nasty()),),
        tool_calls=(call(1, result=nasty()),),
    )
    finished = await state_machine.finish(db, execution_id, end)
    assert finished is not None and finished.failure == Failure(FailureKind.AGENT, STORED)
    assert (finished.scoring, finished.assertions) == (NASTY_STORED, [NASTY_STORED])
    assert await results.prompts_of(db, [execution_id]) == {
        execution_id: Prompt(STORED, PromptSource.SESSION_FILE, False)
    }
    step = Step(1, STORED, [NASTY_STORED], NASTY_STORED, NASTY_STORED)
    assert await results.steps_of(db, [execution_id]) == {execution_id: (step,)}
    assert await db.fetchval("SELECT session FROM execution_results") == NASTY_STORED
    event = await db.fetchval("SELECT data FROM execution_events WHERE seq = 3")
    assert event["failureMessage"] == STORED


async def test_whatever_a_definition_holds_is_stored_and_comes_back(db: Database) -> None:
    fields = {
        "description": TEXT,
        "prompt": TEXT,
        "tags": (TEXT,),
        "definition": nasty(),
        "remarks": [nasty()],
    }
    stored, _ = await benchmarks.upsert(db, draft("a", TEXT, path=TEXT, **fields))
    assert (stored.description, stored.prompt, stored.tags, stored.source) == (
        STORED,
        STORED,
        (STORED,),
        STORED,
    )
    assert (stored.definition, stored.remarks, stored.source_path) == (NASTY_STORED, [NASTY_STORED], STORED)


async def test_filters_may_hold_anything(db: Database) -> None:
    await queued(db)
    for text in (TEXT, "'; DROP TABLE executions; --", "%", "_", "\\", "{}", "{0}", "$1", "' OR true OR '"):
        one = ExecutionFilter(benchmark_ids=(text,), agents=(text,))
        assert (await listing.executions(db, one, ExecutionBounds(limit=5))).items == ()
        assert await listing.count_executions(db, one) == 0
        for other in (
            BenchmarkFilter(ids=(text,)),
            BenchmarkFilter(tags=(text,)),
            BenchmarkFilter(text=text),
        ):
            assert (await benchmark_listing.page(db, other, BenchmarkBounds(limit=5, after=text))).items == ()
            assert await benchmark_listing.count(db, other) == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None, categories=None)),  # every code point, lone surrogates included
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60)
@given(JSON)
def test_what_is_encoded_is_json_without_nul_and_means_the_same(value: object) -> None:
    encoded = encode_json(value)
    assert "\x00" not in encoded and "\\u0000" not in encoded.replace("\\\\", "")
    assert orjson.loads(encoded) == storable_json(value)


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert storable_text(text) == text


@pytest.mark.parametrize(
    "number", [2**64, -(2**63) - 1, 10**4300, -(10**5000) + 1], ids=["u64", "i64", "4301", "5000"]
)
def test_integers_that_json_readers_would_bend_become_their_digits(number: int) -> None:
    stored = orjson.loads(encode_json({"n": number}))["n"]
    assert isinstance(stored, str)
    head, tail = divmod(abs(number), 10**2500)
    digits = f"{head}{tail:02500}" if head else str(tail)
    assert stored.lstrip("-") == digits and stored.startswith("-") == (number < 0)


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**64 - 1, -(2**63)])
async def test_integers_of_64_bits_stay_exact(db: Database, number: int) -> None:
    assert await db.fetchval("SELECT $1::jsonb", {"n": number}) == {"n": number}


async def test_the_kind_of_an_event_is_told_once_per_change(db: Database) -> None:
    execution_id = await running(db)
    assert await state_machine.append_tool_calls(db, execution_id, [(EventKind.TOOL_CALL_STARTED, call(1))])
    assert await db.fetchval("SELECT count(*) FROM execution_events WHERE kind = 'TOOL_CALL_STARTED'") == 1
