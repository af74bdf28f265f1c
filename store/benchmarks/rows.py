"""Rows of benchmarks as the database gives them, turned into the dataclasses of store.model."""

from __future__ import annotations

from store.model import ArchiveReason, Benchmark, BenchmarkId
from store.postgres.database import Row


def benchmark(row: Row) -> Benchmark:
    return Benchmark(
        id=BenchmarkId(row["benchmark_id"]),
        revision=row["revision"],
        description=row["description"],
        prompt=row["prompt"],
        tags=tuple(row["tags"]),
        source=row["source"],
        content_hash=row["content_hash"],
        definition=row["definition"],
        remarks=row["remarks"],
        source_path=row["source_path"],
        created_at=row["created_at"],
        revised_at=row["revised_at"],
        archived_at=row["archived_at"],
        archive_reason=ArchiveReason.of(row["archive_reason"]),
    )
