"""`list`, `benchmarks list`, and their options: one for each condition of the filters of the contract."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from gql_server.cli.errors import wrong_use
from gql_server.cli.options import DEFAULT_SERVER, INT_LIMIT, Json, Server, ServerOrUrl, finish

SHOWN = 20


class Listed(StrEnum):
    executions = "executions"
    benchmarks = "benchmarks"
    agents = "agents"


class Status(StrEnum):
    """The members of ExecutionStatus of the contract, as one types them."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    STOPPED = "stopped"
    LOST = "lost"


class Origin(StrEnum):
    """The members of ExecutionOrigin."""

    REQUESTED = "requested"
    OBSERVED = "observed"
    IMPORTED = "imported"


class Failure(StrEnum):
    """The members of FailureKind."""

    AGENT = "agent"
    BENCHMARK = "benchmark"
    ENDPOINT = "endpoint"
    LAUNCH = "launch"
    LOST = "lost"
    NOT_RUNNABLE = "not-runnable"
    RESULT_MISMATCH = "result-mismatch"
    RESULT_MISSING = "result-missing"
    RESULT_UNREADABLE = "result-unreadable"
    RUNNER_EXIT = "runner-exit"
    TIMEOUT = "timeout"


class OrderedBy(StrEnum):
    """The members of ExecutionOrderField."""

    QUEUED_AT = "queued-at"
    EXECUTION_TIME = "execution-time"
    SCORE = "score"
    COMPUTED_SCORE = "computed-score"
    COST = "cost"
    TOKENS = "tokens"


benchmarks_app = typer.Typer(no_args_is_help=True, help="List benchmarks, archive and restore them.")

First = Annotated[int, typer.Option(min=1, max=INT_LIMIT, help="How many at most.")]
After = Annotated[
    str | None, typer.Option(help="Only those after this cursor, which the page before it named.")
]
All = Annotated[bool, typer.Option("--all", help="All of them, page by page.")]
Text = Annotated[str | None, typer.Option(help="With this text in names, ids or descriptions.")]


def list_(
    what: Annotated[Listed, typer.Argument(help="What to list.")] = Listed.executions,
    benchmark_ids: Annotated[
        list[str] | None, typer.Option("--benchmark", help="Of this benchmark; may be repeated.")
    ] = None,
    agents: Annotated[
        list[str] | None, typer.Option("--agent", help="By this agent; may be repeated.")
    ] = None,
    statuses: Annotated[
        list[Status] | None, typer.Option("--status", help="In this state; may be repeated.")
    ] = None,
    solved: Annotated[
        bool | None, typer.Option("--solved/--not-solved", help="Solved, or not; where that is known.")
    ] = None,
    is_attempt: Annotated[
        bool | None,
        typer.Option("--attempts/--no-attempts", help="That count for their agent, or that do not."),
    ] = None,
    failure_kinds: Annotated[
        list[Failure] | None, typer.Option("--failure", help="That failed in this way; may be repeated.")
    ] = None,
    batch_id: Annotated[str | None, typer.Option("--batch", help="Of this batch.")] = None,
    execution_tags: Annotated[
        list[str] | None, typer.Option("--tag", help="With this tag; repeated: with all of them.")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--benchmark-tag", help="Of benchmarks with this tag; repeated: with all of them."),
    ] = None,
    origins: Annotated[
        list[Origin] | None,
        typer.Option("--origin", help="Requested here, or observed from files; may be repeated."),
    ] = None,
    text: Text = None,
    search: Annotated[
        str | None, typer.Option(help="With these words in the failure or the conversation.")
    ] = None,
    settings_hashes: Annotated[
        list[str] | None,
        typer.Option("--settings-hash", help="Whose model had these settings; may be repeated."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Requested then or later: 2026-01-31, or 2026-01-31T12:00 (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Requested before that time, or on that day at the latest (UTC).")
    ] = None,
    score_at_least: Annotated[float | None, typer.Option(help="Reported score, 0 to 1.")] = None,
    score_at_most: Annotated[float | None, typer.Option(help="Reported score, 0 to 1.")] = None,
    computed_score_at_least: Annotated[float | None, typer.Option(help="Computed score, 0 to 1.")] = None,
    computed_score_at_most: Annotated[float | None, typer.Option(help="Computed score, 0 to 1.")] = None,
    cost_at_least: Annotated[float | None, typer.Option(help="Cost in US dollars.")] = None,
    cost_at_most: Annotated[float | None, typer.Option(help="Cost in US dollars.")] = None,
    tokens_at_least: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="Tokens read and written.")
    ] = None,
    tokens_at_most: Annotated[
        int | None, typer.Option(min=0, max=INT_LIMIT, help="Tokens read and written.")
    ] = None,
    by: Annotated[OrderedBy, typer.Option(help="What to sort by.")] = OrderedBy.QUEUED_AT,
    ascending: Annotated[bool, typer.Option("--ascending", help="The lowest or oldest first.")] = False,
    first: First = SHOWN,
    after: After = None,
    all_: All = False,
    url: ServerOrUrl = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """List executions, the newest first, or benchmarks or agents; the filters are those of executions."""
    from gql_server.cli import agents as agents_client
    from gql_server.cli.listings import client

    conditions: dict[str, Any] = {
        **{"benchmarkIds": benchmark_ids, "agents": agents, "batchId": batch_id, "text": text},
        **{"statuses": _names(statuses), "failureKinds": _names(failure_kinds), "origins": _names(origins)},
        **{"search": search, "settingsHashes": settings_hashes},
        **{"solved": solved, "isAttempt": is_attempt, "executionTags": execution_tags, "tags": tags},
        **{"scoreAtLeast": score_at_least, "scoreAtMost": score_at_most},
        **{"computedScoreAtLeast": computed_score_at_least, "computedScoreAtMost": computed_score_at_most},
        **{"costAtLeast": cost_at_least, "costAtMost": cost_at_most},
        **{"tokensAtLeast": tokens_at_least, "tokensAtMost": tokens_at_most},
        **{"since": _time(since), "until": _time(until, last_of_day=True)},
    }
    filter = {name: value for name, value in conditions.items() if value not in (None, [])}
    page = client.Page(None if all_ else first, after)
    if what is not Listed.executions and (filter or ascending or by is not OrderedBy.QUEUED_AT):
        raise wrong_use(f"those options are for executions; `reev-gql {what.value} list` has its own")
    if what is Listed.agents:
        finish(agents_client.list_(url, agents_client.Chosen(), as_json=json))
    if what is Listed.benchmarks:
        finish(client.list_benchmarks(url, {}, page, as_json=json))
    order = {"field": by.name, "direction": "ASC" if ascending else "DESC"}
    finish(client.list_executions(url, filter, order, page, as_json=json))


@benchmarks_app.command(name="list")
def list_benchmarks(
    ids: Annotated[list[str] | None, typer.Option("--id", help="With this id; may be repeated.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="With this tag; repeated: with all of them.")
    ] = None,
    text: Text = None,
    archived: Annotated[bool, typer.Option("--archived", help="Also those that are archived.")] = False,
    newest_statuses: Annotated[
        list[Status] | None,
        typer.Option("--newest-status", help="Whose newest execution is in this state; may be repeated."),
    ] = None,
    untested: Annotated[bool, typer.Option("--untested", help="That were never executed.")] = False,
    every_attempt_solved: Annotated[
        bool | None,
        typer.Option("--solved/--not-solved", help="Of which every attempt is solved, or not every one."),
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agent", help="By this agent, for the three before; may be repeated, and one of them is enough."
        ),
    ] = None,
    first: First = SHOWN,
    after: After = None,
    all_: All = False,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """List benchmarks by id."""
    from gql_server.cli.listings import client

    filter = {
        "ids": ids or None,
        "tags": tags or None,
        "text": text,
        "includeArchived": archived,
        "newestStatuses": _names(newest_statuses) or None,
        "untested": untested,
        "everyAttemptSolved": every_attempt_solved,
        "agents": agents or None,
    }
    page = client.Page(None if all_ else first, after)
    finish(client.list_benchmarks(server, filter, page, as_json=json))


@benchmarks_app.command()
def archive(
    ids: Annotated[list[str], typer.Argument(help="Benchmarks, by id.")],
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Archive benchmarks: nothing of them is deleted, and no sync brings them back."""
    from gql_server.cli.listings import archiving

    finish(archiving.archive(server, ids, as_json=json))


@benchmarks_app.command()
def restore(
    ids: Annotated[list[str], typer.Argument(help="Benchmarks, by id.")],
    write_file: Annotated[
        bool, typer.Option("--write-file", help="Write the files that are missing, as they are stored.")
    ] = False,
    server: Server = DEFAULT_SERVER,
    json: Json = False,
) -> None:
    """Take benchmarks out of the archive."""
    from gql_server.cli.listings import archiving

    finish(archiving.restore(server, ids, write_file=write_file, as_json=json))


def _names(members: list[Any] | None) -> list[str]:
    return [member.name for member in members or ()]


def _time(text: str | None, *, last_of_day: bool = False) -> str | None:
    """A day or a time, as the API takes it: in UTC unless it has an offset. A day ends where the next begins."""
    if text is None:
        return None
    import datetime as dt

    try:
        at = dt.datetime.fromisoformat(text)
        is_day = len(text) <= len("2026-01-31")
        moment = at + dt.timedelta(days=1) if is_day and last_of_day else at
    except (ValueError, OverflowError):
        raise wrong_use(
            f"{text[:80]!r} is neither a day, as 2026-01-31, nor a time, as 2026-01-31T12:00"
        ) from None
    return moment.isoformat() if moment.tzinfo else f"{moment.isoformat()}Z"
