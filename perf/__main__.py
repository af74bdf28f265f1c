"""`make perf`: every figure of speed, as ratios where that makes sense, and the goals; nothing is asserted here.

    python -m perf [PART…] [--save FILE] [--compare FILE]

A part may be narrowed where its module says so: `reading.list50`. docs/performance.md tells how to read it all.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from perf.load.databases import Databases, Part
from perf.parts import (
    batches,
    conversations,
    crowded_feedback,
    dashboard,
    export,
    fanout,
    feedback,
    floods,
    idle,
    imports,
    lag,
    launches,
    leaderboards,
    model,
    moving_in,
    observing,
    ray_starts,
    reading,
    recovery,
    rest,
    retention,
    scale,
    sockets,
    startup,
    stops,
    sync,
    tool_calls,
    workers,
)
from perf.report import saved
from perf.report.figures import CONSOLE
from perf.report.goals import show_goals
from perf.report.lines import Line
from store.embedded import EmbeddedServer

BUSY_LOAD = 0.7
"""Above this somebody else is at work."""


def all_parts(databases: Databases, narrowed: Mapping[str, Sequence[str]]) -> dict[str, Part]:
    """By name, in the order in which they are measured; `narrowed` says to what, by part."""
    over = databases.over_new_url
    return {
        "reading": over(lambda url: reading.measure(url, narrowed.get("reading", ()))),
        "fanout": over(fanout.measure),
        "idle": over(idle.measure),
        "startup": startup.measure,
        "feedback": over(feedback.measure),
        "sync": lambda: sync.measure(databases.new_database),
        "imports": lambda: imports.measure(databases.new_database),
        "moving_in": lambda: moving_in.measure(databases.new_database, narrowed.get("moving_in", ())),
        "model": model.measure,
        "scale": lambda: scale.measure(databases.new_url),
        "export": over(lambda url: export.measure(url, narrowed.get("export", ()))),
        "leaderboards": lambda: leaderboards.measure(databases.new_url),
        "rest": over(rest.measure),
        "sockets": over(sockets.measure),
        "observing": lambda: observing.measure(databases.new_database),
        "tool_calls": over(tool_calls.measure),
        "conversations": lambda: conversations.measure(databases.new_database, databases.new_url),
        "batches": lambda: batches.measure(databases.new_database),
        "floods": over(floods.measure),
        "crowded": over(crowded_feedback.measure),
        "stops": over(stops.measure),
        "launches": over(launches.measure),
        "recovery": over(recovery.measure),
        "ray": lambda: ray_starts.measure(databases.new_url),
        "retention": lambda: retention.measure(databases.new_url, narrowed.get("retention", ())),
        "lag": over(lag.measure),
        "workers": lambda: workers.measure(narrowed.get("workers", ())),
        "dashboard": lambda: dashboard.measure(databases.new_url),
    }


async def measured(parts: Mapping[str, Part], wanted: Sequence[str]) -> tuple[list[Line], list[str]]:
    """The lines of the parts that are wanted, and the parts that failed: the figures of the others are kept."""
    lines, failed = list[Line](), list[str]()
    for name in wanted:
        CONSOLE.print(f"[bold]{name}[/] …")
        began = time.perf_counter()
        try:
            lines += await parts[name]() or ()
        except Exception:
            CONSOLE.print_exception()
            failed.append(name)
        CONSOLE.print(f"[dim]{name} took {time.perf_counter() - began:.0f} s[/]\n")
    return lines, failed


async def main(arguments: argparse.Namespace) -> None:
    before = saved.read(arguments.compare) if arguments.compare else None
    narrowed: dict[str, list[str]] = defaultdict(list)
    for name in arguments.parts:
        part, _, of_it = name.partition(".")
        narrowed[part] += [of_it] if of_it else []
    if (load := os.getloadavg()[0]) > BUSY_LOAD:
        CONSOLE.print(
            f"[yellow]The machine is busy already (load {load:.1f}): trust ratios and CPU, not times.[/]"
        )
    directory = tempfile.mkdtemp(prefix="reev-gql-perf-")
    server = EmbeddedServer(Path(directory))
    try:
        parts = all_parts(Databases(server), narrowed)
        if unknown := narrowed.keys() - parts:
            raise SystemExit(f"There is no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
        lines, failed = await measured(parts, [name for name in parts if not narrowed or name in narrowed])
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
    show_goals(lines, measured_only=bool(narrowed))
    if before is not None:
        saved.show_changes(before, lines)
    if arguments.save:
        await saved.save(arguments.save, lines)
        CONSOLE.print(f"Saved as {arguments.save}")
    if failed:
        raise SystemExit(f"Without figures, because they failed: {', '.join(failed)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m perf", description="Measures how fast things are.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="which parts; all when none is given")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show what changed since these figures")
    return parser.parse_args()


# Told to end it ends what it has started, as at Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)
asyncio.run(main(_arguments()))
