"""The commands of evaluations and their options: `run`, `batches`, `leaderboard`, `compare`.

What a command does is imported when it is called, so that `--help` answers at once.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gql_server.cli.errors import wrong_use
from gql_server.cli.options import DEFAULT_SERVER, Json, Server, ServerOrUrl, finish

if TYPE_CHECKING:
    from gql_server.cli.evaluations.evaluation import Plan


class RerunOnly(StrEnum):
    """Which executions are repeated: the members of RerunOnly of the contract, as one types them."""

    FAILED = "failed"
    NOT_SOLVED = "not-solved"
    EXCLUDED = "excluded"
    ALL = "all"


class OrderedBy(StrEnum):
    """What a leaderboard is sorted by: the members of LeaderboardField, as one types them."""

    AGENT = "agent"
    ATTEMPTS = "attempts"
    SOLVED = "solved"
    SOLVE_RATE = "solve-rate"
    MEAN_SCORE = "mean-score"
    MEDIAN_SCORE = "median-score"
    BENCHMARKS = "benchmarks"
    INPUT_TOKENS = "input-tokens"
    OUTPUT_TOKENS = "output-tokens"
    COST = "cost"
    COST_PER_ATTEMPT = "cost-per-attempt"
    COST_PER_SOLVED = "cost-per-solved"
    MEAN_TIME = "mean-time"
    P50_TIME = "p50-time"
    P95_TIME = "p95-time"


batches_app = typer.Typer(no_args_is_help=True, help="List, show, watch, stop and repeat batches.")

FailUnder = Annotated[
    str | None,
    typer.Option(
        help="Least values of every agent, as in solve-rate=0.9,mean-score=80%; below is exit code 1."
    ),
]
BaselineOption = Annotated[
    str | None,
    typer.Option(
        "--baseline", help="Batch to compare with: its id, or the newest with tag=TAG or name=NAME."
    ),
]
MaxDrop = Annotated[
    str | None,
    typer.Option(
        help="How far below the baseline solve rate and mean score may be; otherwise `worse` decides."
    ),
]
Junit = Annotated[Path | None, typer.Option(help="File for a report in JUnit's XML.")]
Summary = Annotated[Path | None, typer.Option(help="File for a summary in Markdown.")]
BatchTags = Annotated[
    list[str] | None,
    typer.Option("--batch-tag", help="Tag of the batch, `key` or `key=value`; may be repeated."),
]
BatchName = Annotated[str | None, typer.Option(help="Name of the batch.")]
Note = Annotated[str | None, typer.Option(help="What the batch is for.")]
Key = Annotated[
    str | None, typer.Option(help="Idempotency key: the same key with the same input starts it only once.")
]
Batch = Annotated[str, typer.Argument(help="Id of the batch.")]


def run(
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BENCHMARK]...", help="Ids of benchmarks, as `list benchmarks` shows them."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every benchmark.")] = False,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", help="Every benchmark with this tag; repeated: with all of these tags."),
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            help="Agent to run them with; may be repeated. By default `deterministic`: the reference answer.",
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, max=100, help="How often each, because models are not deterministic.")
    ] = 1,
    watch: Annotated[bool, typer.Option("--watch", help="Show what happens until it ends.")] = False,
    fail_under: FailUnder = None,
    baseline: BaselineOption = None,
    max_drop: MaxDrop = None,
    junit: Junit = None,
    summary: Summary = None,
    name: BatchName = None,
    note: Note = None,
    batch_tags: BatchTags = None,
    timeout: Annotated[float | None, typer.Option(help="Time limit of each execution, in seconds.")] = None,
    key: Key = None,
    priority: Annotated[int, typer.Option(min=-100, max=100, help="The higher goes first.")] = 0,
    url: ServerOrUrl = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Start an execution of BENCHMARK, or a batch of many, and with --watch or targets wait for its end.

    Exit with 0 only if all SUCCEEDED; with --fail-under or --baseline, only if the targets are reached. Exit codes
    and outputs: docs/ci.md.
    """
    from gql_server.cli import client_commands
    from gql_server.cli.evaluations import evaluation

    plan = _plan(url, fail_under, baseline, max_drop, junit, summary, watch=watch, as_json=json)
    chosen, who = _chosen(benchmarks or [], tags or [], all_=all_), agents or ["deterministic"]
    request: dict[str, Any] = {"idempotencyKey": key, "priority": priority}
    if timeout is not None:
        request["timeoutMs"] = _milliseconds(timeout)
    simple = len(benchmarks or ()) == len(who) == repeats == 1 and not plan.judging
    if simple and name is note is None and not batch_tags:
        request |= {"benchmarkId": chosen["benchmarkIds"][0], "agent": who[0]}
        finish(client_commands.run(url, request, watching=watch, as_json=json))
    request |= {**chosen, "agents": who, "repeats": repeats, "name": name, "note": note}
    finish(evaluation.start(plan, request | {"tags": batch_tags or None}))


@batches_app.command(name="list")
def list_(
    first: Annotated[int, typer.Option(min=1, max=200, help="How many, the newest first.")] = 20,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Only batches with this tag; may be repeated.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only batches with this text in name or note.")] = None,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """List batches with their progress and figures."""
    from gql_server.cli.evaluations import queries

    finish(queries.list_batches(server, first, {"tags": tags, "text": text}, as_json=json))


@batches_app.command()
def show(
    batch: Batch,
    watch: Annotated[bool, typer.Option("--watch", help="Wait until all of it has ended.")] = False,
    fail_under: FailUnder = None,
    baseline: BaselineOption = None,
    max_drop: MaxDrop = None,
    junit: Junit = None,
    summary: Summary = None,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Show BATCH; with --watch or targets, wait for its end and judge it as `run` does."""
    from gql_server.cli.evaluations import evaluation, queries

    plan = _plan(server, fail_under, baseline, max_drop, junit, summary, watch=watch, as_json=json)
    if plan.watching:
        finish(evaluation.go_on(plan, batch))
    finish(queries.show_batch(server, batch, as_json=json))


@batches_app.command()
def stop(batch: Batch, server: Server = DEFAULT_SERVER, json: Json = False) -> None:
    """Stop every execution of BATCH that has not ended."""
    from gql_server.cli.evaluations import queries

    finish(queries.stop_batch(server, batch, as_json=json))


@batches_app.command()
def rerun(
    batch: Batch,
    only: Annotated[RerunOnly, typer.Option(help="Which of its executions, of those that have ended.")] = (
        RerunOnly.FAILED
    ),
    watch: Annotated[bool, typer.Option("--watch", help="Show what happens until it ends.")] = False,
    fail_under: FailUnder = None,
    junit: Junit = None,
    summary: Summary = None,
    name: BatchName = None,
    note: Note = None,
    batch_tags: BatchTags = None,
    key: Key = None,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Repeat executions of BATCH as a new batch, which is watched and judged as `run` does it."""
    from gql_server.cli.evaluations import evaluation

    plan = _plan(server, fail_under, None, None, junit, summary, watch=watch, as_json=json)
    request = {"batchId": batch, "only": only.name, "name": name, "note": note, "idempotencyKey": key}
    finish(evaluation.repeat(plan, request | {"tags": batch_tags or None}))


def leaderboard(
    agents: Annotated[
        list[str] | None, typer.Option("--agent", help="Only this agent; may be repeated.")
    ] = None,
    benchmarks: Annotated[
        list[str] | None, typer.Option("--benchmark", help="Only this benchmark; may be repeated.")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Only benchmarks with this tag; may be repeated.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Only executions of this batch.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Ended on this day (UTC) or later, as 2026-01-31.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Ended on this day (UTC) or earlier.")] = None,
    by: Annotated[OrderedBy, typer.Option(help="What to sort by.")] = OrderedBy.SOLVE_RATE,
    ascending: Annotated[bool, typer.Option("--ascending", help="The lowest first.")] = False,
    first: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Show agents by their figures, with how many attempts they stand on and how sure they are."""
    from gql_server.cli.evaluations import queries

    filter = _within(benchmarks, tags, since, until) | {"agents": agents, "batchId": batch}
    order = {"field": by.name, "direction": "ASC" if ascending else "DESC"}
    finish(queries.leaderboard(server, filter, order, first, as_json=json))


def compare(
    baseline: Annotated[
        str,
        typer.Argument(help="A batch's id, an agent, or an agent@ with the beginning of a settings hash."),
    ],
    candidate: Annotated[str, typer.Argument(help="What to compare with it, in the same way.")],
    benchmarks: Annotated[
        list[str] | None, typer.Option("--benchmark", help="Only this benchmark; may be repeated.")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Only benchmarks with this tag; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Ended on this day (UTC) or later, as 2026-01-31.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Ended on this day (UTC) or earlier.")] = None,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Compare two sets of attempts, benchmark by benchmark, with a sentence that can be quoted."""
    from gql_server.cli.evaluations import queries

    within = _within(benchmarks, tags, since, until)
    finish(queries.compare(server, baseline, candidate, within, as_json=json))


def _within(
    benchmarks: list[str] | None, tags: list[str] | None, since: str | None, until: str | None
) -> dict[str, Any]:
    return {"benchmarkIds": benchmarks, "tags": tags, "since": _day(since), "until": _day(until)}


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    import datetime as dt

    try:
        return f"{dt.date.fromisoformat(text)}T00:00:00Z"
    except ValueError:
        raise wrong_use(f"{text[:80]!r} is no day, as 2026-01-31 is one") from None


def _plan(
    url: str,
    fail_under: str | None,
    baseline: str | None,
    max_drop: str | None,
    junit: Path | None,
    summary: Path | None,
    *,
    watch: bool,
    as_json: bool,
) -> "Plan":
    from gql_server.cli.evaluations.evaluation import Plan
    from gql_server.cli.evaluations.targets import Targets

    given = {
        "--fail-under": fail_under,
        "--baseline": baseline,
        "--max-drop": max_drop,
        "--junit": None if junit is None else str(junit),
        "--summary": None if summary is None else str(summary),
    }
    return Plan(url, Targets.parse(fail_under, baseline, max_drop), junit, summary, watch, as_json, given)


def _chosen(benchmarks: list[str], tags: list[str], *, all_: bool) -> dict[str, Any]:
    """Which benchmarks, as a part of the mutation's input."""
    if sum((bool(benchmarks), bool(tags), all_)) != 1:
        raise wrong_use("name benchmarks, or give --tag or --all: one of the three")
    if benchmarks:
        return {"benchmarkIds": benchmarks}
    return {"filter": {"tags": tags} if tags else {}}


def _milliseconds(seconds: float) -> int:
    from runner_bridge.request_checks import MAX_TIMEOUT_MS, MIN_TIMEOUT_MS

    # Neither `nan` nor `inf` is a number of milliseconds, and GraphQL's Int has 32 bits.
    if not MIN_TIMEOUT_MS <= seconds * 1000 <= MAX_TIMEOUT_MS:
        least, most = MIN_TIMEOUT_MS / 1000, MAX_TIMEOUT_MS // 1000
        raise wrong_use(f"--timeout is a number of seconds from {least:g} to {most}, not {seconds:g}")
    return round(seconds * 1000)
