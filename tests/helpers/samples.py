"""Small, valid inputs that many tests share."""

from __future__ import annotations

import hashlib

from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import BenchmarkDraft, BenchmarkId, Execution
from store.postgres.database import Database

TRANSFER = """\
id: {id}
description: Move a tenth of a SOL to a friend.
tags: [system, transfer]
prompt: Please send 0.1 SOL to RECIPIENT_WALLET_PUBKEY.
initial_state:
  - pubkey: USER_WALLET_PUBKEY
    owner: "11111111111111111111111111111111"
    lamports: 1000000000
  - pubkey: RECIPIENT_WALLET_PUBKEY
    owner: "11111111111111111111111111111111"
    lamports: 0
ground_truth:
  final_state_assertions:
    - type: SolBalance
      pubkey: RECIPIENT_WALLET_PUBKEY
      expected: 100000000
"""


def transfer_yaml(benchmark_id: str = "transfer") -> str:
    """A benchmark definition that is right in every respect."""
    return TRANSFER.format(id=benchmark_id)


def draft(benchmark_id: str = "transfer", **changes: object) -> BenchmarkDraft:
    """What the store is given for it."""
    source = transfer_yaml(benchmark_id)
    values: dict[str, object] = {
        "id": BenchmarkId(benchmark_id),
        "description": "Move a tenth of a SOL to a friend.",
        "prompt": "Please send 0.1 SOL to RECIPIENT_WALLET_PUBKEY.",
        "tags": ("system", "transfer"),
        "source": source,
        "content_hash": hashlib.sha256(source.encode()).hexdigest(),
        "definition": {"id": benchmark_id},
        "remarks": [],
        "source_path": f"{benchmark_id}.yml",
        **changes,
    }
    return BenchmarkDraft(**values)  # type: ignore[arg-type]


async def queued(db: Database, benchmark_id: str = "transfer", **options: object) -> Execution:
    """An execution that waits for a worker, its benchmark made if need be."""
    await benchmarks.upsert(db, draft(benchmark_id))
    wanted: dict[str, object] = {"agent": "deterministic", "timeout_ms": 60_000, **options}
    execution, _ = await state_machine.request_execution(db, benchmark_id=benchmark_id, **wanted)  # type: ignore[arg-type]
    return execution
