"""Benchmarks in full: their revisions and what changed, their parts as types, what can run here, cheaply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner_bridge.benchmarks import sync
from runner_bridge.benchmarks.definitions import Definitions, StoredText
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.launchers.runner_config import RunnerConfig
from schema.contract.pagination import encode_cursor
from store.benchmarks import benchmarks
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.samples import draft, queued, transfer_yaml
from tests.helpers.statements import statements_sent

REVISIONS = """
query ($id: ID!, $first: Int, $after: String) {
  benchmark(id: $id) {
    revision
    revisions(first: $first, after: $after) {
      totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
      nodes { revision contentHash createdAt source definition remarks { path } }
    }
  }
}
"""

DIFF = """
query ($id: ID!, $from: Int!, $to: Int!) {
  benchmark(id: $id) {
    diff(from: $from, to: $to) {
      fromRevision toRevision identical complete unified
      hunks { fromStart fromCount toStart toCount lines { kind text fromLine toLine hasLineFeed } }
      changes { path kind before after }
    }
  }
}
"""

PARTS = """
query ($id: ID!, $revision: Int) {
  benchmark(id: $id, revision: $revision) {
    revision flowType runnableLocally whyNotRunnableLocally
    flowSteps { step description prompt critical timeoutMs dependsOn extras }
    initialState { pubkey owner lamports data { mint owner amount } extras }
    groundTruth {
      finalStateAssertions { type weight pubkey evaluable whyNotEvaluable conditions definition }
      expectedInstructions {
        programId programIdWeight data dataWeight extras accounts { pubkey isSigner isWritable weight extras }
      }
      skipInstructionValidation transactionStatus minScore extras
    }
  }
}
"""

ODD = """\
id: odd
description: Everything that is unusual.
tags: [dynamic]
prompt: Do it.
initial_state:
  - pubkey: USER_WALLET_PUBKEY
    owner: "11111111111111111111111111111111"
    lamports: 18446744073709551615
    note: rich
flow:
  - step: 1
    description: first
    prompt: swap
    critical: true
    timeout: 4294967295
    colour: red
ground_truth:
  min_score: 0.7
  mood: good
  final_state_assertions:
    - type: TokenAccountBalanceChange
      pubkey: USER_USDC_ATA
      expected_change_not_zero: true
      weight: 0.25
  expected_instructions:
    - program_id: "11111111111111111111111111111111"
      accounts:
        - {pubkey: USER_WALLET_PUBKEY, is_signer: true, is_writable: true, weight: 0.5}
"""


async def _store(db: Database, *sources: str) -> None:
    for source in sources:
        await upsert_benchmark(db, source)


async def test_revisions_newest_first_page_after_page(db: Database, ask: Any, refuse: Any) -> None:
    sources = [transfer_yaml().replace("tenth", f"{n}th") for n in range(5)]
    await _store(db, *sources)
    seen: list[Any] = []
    after = None
    for more in (True, True, False):
        page = (await ask(REVISIONS, id="transfer", first=2, after=after))["benchmark"]["revisions"]
        assert page["totalCount"] == 5
        assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == (
            more,
            after is not None,
        )
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
    assert [node["revision"] for node in seen] == [5, 4, 3, 2, 1]
    assert [node["source"] for node in seen] == sources[::-1]
    assert all(node["definition"]["id"] == "transfer" and len(node["contentHash"]) == 64 for node in seen)
    for forged in (
        encode_cursor("revisions", "²"),
        encode_cursor("revisions", "9" * 30),
        encode_cursor("x", "1"),
    ):
        assert (await refuse(REVISIONS, id="transfer", after=forged))[0] == "INVALID_CURSOR"


async def test_a_former_revision_is_as_it_was(db: Database, ask: Any) -> None:
    await _store(db, transfer_yaml(), transfer_yaml().replace("lamports: 0", "lamports: 7"))
    for revision, lamports in ((1, "0"), (2, "7"), (None, "7")):
        found = (await ask(PARTS, id="transfer", revision=revision))["benchmark"]
        assert found["initialState"][1]["lamports"] == lamports
    for missing in (0, 3, -1, 2**31 - 1):
        assert (await ask(PARTS, id="transfer", revision=missing))["benchmark"] is None


async def test_a_diff_tells_lines_and_changed_parts(db: Database, ask: Any) -> None:
    later = transfer_yaml().replace("expected: 100000000", "expected: 200000000\n      weight: 0.5")
    await _store(db, transfer_yaml(), later, transfer_yaml())
    diff = (await ask(DIFF, id="transfer", **{"from": 1, "to": 2}))["benchmark"]["diff"]
    assert (diff["fromRevision"], diff["toRevision"], diff["identical"], diff["complete"]) == (
        1,
        2,
        False,
        True,
    )
    place = "ground_truth.final_state_assertions[0]"
    assert diff["changes"] == [
        {"path": f"{place}.expected", "kind": "CHANGED", "before": 100000000, "after": 200000000},
        {"path": f"{place}.weight", "kind": "ADDED", "before": None, "after": 0.5},
    ]
    [hunk] = diff["hunks"]
    told = [(line["kind"], line["text"].strip()) for line in hunk["lines"] if line["kind"] != "CONTEXT"]
    assert told == [
        ("REMOVED", "expected: 100000000"),
        ("ADDED", "expected: 200000000"),
        ("ADDED", "weight: 0.5"),
    ]
    assert diff["unified"].startswith("--- transfer@1\n+++ transfer@2\n@@ -")
    same = (await ask(DIFF, id="transfer", **{"from": 1, "to": 3}))["benchmark"]["diff"]
    assert (same["identical"], same["hunks"], same["changes"], same["unified"]) == (True, [], [], "")
    assert (await ask(DIFF, id="transfer", **{"from": 1, "to": 4}))["benchmark"]["diff"] is None


async def test_a_huge_diff_lists_what_fits_and_keeps_the_whole_text(db: Database, ask: Any) -> None:
    lines = "".join(f"# {n}\n" for n in range(6000))
    await _store(db, transfer_yaml(), transfer_yaml() + lines)
    diff = (await ask(DIFF, id="transfer", **{"from": 1, "to": 2}))["benchmark"]["diff"]
    assert (diff["complete"], diff["identical"], diff["hunks"]) == (False, False, [])
    assert diff["unified"].count("\n+# ") == 6000


async def test_unknown_parts_are_kept_and_numbers_stay_exact(db: Database, ask: Any) -> None:
    await _store(db, ODD)
    found = (await ask(PARTS, id="odd"))["benchmark"]
    assert (found["flowType"], found["runnableLocally"]) == ("dynamic", False)
    assert "planner" in found["whyNotRunnableLocally"]
    [account] = found["initialState"]
    assert (account["lamports"], account["extras"]) == ("18446744073709551615", {"note": "rich"})
    [step] = found["flowSteps"]
    assert (step["timeoutMs"], step["extras"]) == (4294967295000.0, {"colour": "red"})
    truth = found["groundTruth"]
    assert (truth["minScore"], truth["extras"]) == (0.7, {"mood": "good"})
    [assertion] = truth["finalStateAssertions"]
    assert (assertion["evaluable"], assertion["weight"]) == (False, 0.25)
    assert assertion["whyNotEvaluable"] == "this type of assertion is not known"
    assert assertion["definition"]["pubkey"] == "USER_USDC_ATA"
    [instruction] = truth["expectedInstructions"]
    assert instruction["accounts"][0]["weight"] == 0.5


async def test_a_text_that_cannot_be_read_any_more_is_told_not_failed(db: Database, ask: Any) -> None:
    await benchmarks.upsert(db, draft("broken", source="id: [", content_hash="e" * 64))
    found = (await ask(PARTS, id="broken"))["benchmark"]
    assert (found["groundTruth"], found["initialState"], found["flowSteps"], found["flowType"]) == (None,) * 4
    assert found["runnableLocally"] is False
    assert "cannot be read" in found["whyNotRunnableLocally"]


async def test_all_real_benchmarks_are_told_in_full(
    db: Database, ask: Any, real_data: Path, runner: RunnerConfig
) -> None:
    await sync.sync_benchmarks(db, real_data / "benchmarks")
    page = await ask("{ benchmarks { nodes { id runnableLocally whyNotRunnableLocally } } }")
    found = {node["id"]: node for node in page["benchmarks"]["nodes"]}
    runnable = {benchmark_id for benchmark_id, node in found.items() if node["runnableLocally"]}
    assert {benchmark_id[:3] for benchmark_id in runnable} == {"001", "002", "003", "004"}
    assert all(node["whyNotRunnableLocally"] for key, node in found.items() if key not in runnable)
    for benchmark_id in found:
        parts = (await ask(PARTS, id=benchmark_id))["benchmark"]
        assert parts["initialState"] and parts["groundTruth"] is not None


async def test_its_executions_are_a_list_below_it(db: Database, ask: Any, refuse: Any) -> None:
    document = """
    query ($first: Int, $after: String, $filter: ExecutionFilter) {
      benchmark(id: "one") { executions(first: $first, after: $after, filter: $filter) {
        totalCount pageInfo { hasNextPage endCursor } nodes { id }
      } }
    }
    """
    newest_first = [str((await queued(db, "one")).id) for _ in range(3)][::-1]
    await queued(db, "two")
    first = (await ask(document, first=2))["benchmark"]["executions"]
    assert [node["id"] for node in first["nodes"]] == newest_first[:2]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    rest = (await ask(document, first=2, after=first["pageInfo"]["endCursor"]))["benchmark"]["executions"]
    assert [node["id"] for node in rest["nodes"]] == newest_first[2:]
    none = (await ask(document, filter={"agents": ["glm-4.6"]}))["benchmark"]["executions"]
    assert (none["totalCount"], none["nodes"]) == (0, [])
    assert (await refuse(document, filter={"benchmarkIds": ["two"]}))[0] == "INVALID_FILTER"


async def test_a_page_of_fifty_with_everything_below_takes_few_statements(db: Database, ask: Any) -> None:
    await benchmarks.sync(db, [draft(f"b{n:02}") for n in range(50)])
    for n in range(0, 50, 5):
        await queued(db, f"b{n:02}")
    with statements_sent() as statements:
        page = await ask(
            """{ benchmarks { nodes {
              runnableLocally groundTruth { minScore } initialState { pubkey } flowSteps { step }
              revisions(first: 5) { totalCount nodes { revision source definition } }
              executions(first: 5) { nodes { id rerunOf { id } batch { id } reruns { nodes { id } } } }
            } } }"""
        )
    assert len(page["benchmarks"]["nodes"]) == 50
    assert sum(len(node["executions"]["nodes"]) for node in page["benchmarks"]["nodes"]) == 10
    # The page, pages of revisions, their counts, their contents, pages of executions, pages of reruns.
    assert len(statements) == 6, statements


async def test_a_definition_is_read_once_and_memory_is_bounded() -> None:
    texts = [StoredText(f"{n:064}", transfer_yaml(f"b{n}")) for n in range(4)]
    memory = Definitions(limit=2 * len(texts[0].source) + 1)
    first = await memory.of(texts)
    read = [first[text] for text in texts]
    assert [item.id for item in read if isinstance(item, Benchmark)] == ["b0", "b1", "b2", "b3"]
    assert list(memory._known) == [texts[2].content_hash, texts[3].content_hash]
    again = await memory.of(texts[2:])
    assert all(again[text] is first[text] for text in texts[2:])
    await memory.of([texts[2], texts[0]])
    assert list(memory._known) == [texts[2].content_hash, texts[0].content_hash]
