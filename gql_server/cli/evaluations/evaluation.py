"""An evaluation from its start to its exit code: a batch is started or found, watched, judged and reported.

What could be refused is refused before anything is started. Once a batch runs, every way out that leaves it
running says how to go on.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success
from gql_server.cli.errors import CliError, ExitCode, wrong_use
from gql_server.cli.evaluations import baselines, batch_data, judgement, junit, report_files, summary, tables
from gql_server.cli.evaluations.baselines import Baseline
from gql_server.cli.evaluations.batch_progress import BatchProgressView
from gql_server.cli.evaluations.interruption import Interrupted, Interruption, wants_stop
from gql_server.cli.evaluations.targets import Targets
from gql_server.cli.options import DEFAULT_SERVER
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import ENDED, new_console
from gql_server.documents import cli_documents

Data = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to do with a batch. `given`: the options as they were given, to go on with the same."""

    url: str
    targets: Targets
    junit: Path | None
    summary: Path | None
    watch: bool
    as_json: bool
    given: Mapping[str, str | None]

    @property
    def judging(self) -> bool:
        """Whether it is judged or reported, for which one execution is a batch too."""
        return bool(self.targets) or self.junit is not None or self.summary is not None

    @property
    def watching(self) -> bool:
        return self.watch or self.judging

    def with_baseline(self, baseline: Baseline) -> Plan:
        """Whatever it was found by, the same batch stays the baseline."""
        return replace(self, given={**self.given, "--baseline": baseline.id})

    def to_go_on(self, batch_id: str) -> str:
        """The command that does the same with the batch that was started."""
        words = ["reev-gql", "batches", "show", batch_id, "--watch"]
        for option, value in self.given.items():
            words += [] if value is None else [option, value]
        words += ["--json"] if self.as_json else []
        words += [] if self.url == DEFAULT_SERVER else ["--server", self.url]
        return shlex.join(words)


async def start(plan: Plan, request: Data) -> int:
    """Starts the batch that `runBenchmarks` makes of `request`, and goes on with it."""
    report_files.check_writable((plan.junit, plan.summary))
    if plan.targets.baseline is None:
        return await _through(
            plan, _started(plan.url, cli_documents.RUN_MANY, "runBenchmarks", request), None
        )
    filter = request.pop("filter") if "filter" in request else {"ids": request["benchmarkIds"]}
    chosen = await batch_data.matching_benchmarks(plan.url, filter)
    request.setdefault("benchmarkIds", list(chosen))
    baseline = await _baseline(plan, None, chosen, request["agents"])
    batch = _started(plan.url, cli_documents.RUN_MANY, "runBenchmarks", request)
    return await _through(plan.with_baseline(baseline), batch, baseline)


async def repeat(plan: Plan, request: Data) -> int:
    """Starts the batch that `rerunBatch` makes of `request`, and goes on with it."""
    report_files.check_writable((plan.junit, plan.summary))
    return await _through(plan, _started(plan.url, cli_documents.RERUN_BATCH, "rerunBatch", request), None)


async def go_on(plan: Plan, batch_id: str) -> int:
    """Watches a batch that was started before, judges and reports it."""
    report_files.check_writable((plan.junit, plan.summary))
    batch = await batch_data.batch(plan.url, batch_id)

    async def found() -> Data:
        return batch

    if plan.targets.baseline is None:
        return await _through(plan, found(), None)
    members, _ = await batch_data.executions(plan.url, batch["id"])
    agents = {member["agent"] for member in members}
    baseline = await _baseline(plan, batch["id"], batch_data.revisions_of(members), agents)
    return await _through(plan.with_baseline(baseline), found(), baseline)


async def _started(url: str, document: str, field: str, request: Data) -> Data:
    batch: Data = success(await graphql_client.ask(url, document, {"input": request}), field)["batch"]
    return batch


async def _baseline(
    plan: Plan, batch_id: str | None, benchmarks: Mapping[str, int | None], agents: Collection[str]
) -> Baseline:
    """That of the targets, which `batch_id` with these benchmarks and agents can be compared with."""
    baseline = await baselines.find(plan.url, str(plan.targets.baseline), apart_from=batch_id)
    if baseline.id == batch_id:
        raise wrong_use("a batch is no baseline of itself")
    baseline.check_suite(benchmarks, agents)
    return baseline


async def _through(plan: Plan, batch: Coroutine[Any, Any, Data], baseline: Baseline | None) -> int:
    known: Data | None = None
    view: BatchProgressView | None = None
    try:
        with Interruption() as interruption:
            # A signal waits for the answer: without it nobody would know which batch was started.
            known = await batch
            _tell_started(plan, known)
            if not plan.watching:
                return ExitCode.REACHED
            members, cursor = await interruption.unless_interrupted(
                batch_data.executions(plan.url, known["id"])
            )
            view = BatchProgressView(new_console(), members, as_json=plan.as_json)
            await interruption.unless_interrupted(_watch(plan, known, view, cursor))
            return await interruption.unless_interrupted(_conclude(plan, known["id"], baseline))
    except Interrupted:
        if known is None:
            raise
        return await _interrupted(plan, known, known["size"] - len(view.ended if view else ()))
    except CliError:
        if known is not None:
            _tell_how_to_go_on(plan, known)
        raise


async def _watch(plan: Plan, batch: Data, view: BatchProgressView, cursor: str) -> None:
    with view:
        if view.is_over:
            return
        updates = graphql_client.batch_updates(plan.url, batch["id"], cursor, view.connection_lost)
        async for update in updates:
            if update["event"]["status"] in ENDED:
                view.show(update["execution"])


async def _conclude(plan: Plan, batch_id: str, baseline: Baseline | None) -> int:
    batch = await batch_data.batch(plan.url, batch_id)
    executions, _ = await batch_data.executions(plan.url, batch_id)
    comparisons = (
        {} if baseline is None else await baselines.compare(plan.url, baseline, batch_id, executions)
    )
    found = judgement.checks(plan.targets, batch["entries"], comparisons, executions)
    code = judgement.exit_code(found, executions)
    reports: list[tuple[Path, str]] = []
    if plan.junit is not None:
        reports.append((plan.junit, junit.report(batch, executions, found)))
    if plan.summary is not None:
        reports.append((plan.summary, summary.report(batch, comparisons, executions, found, code)))
    problems = []
    for path, text in reports:
        try:
            report_files.write(path, text)
        except CliError as error:
            problems.append(error)
    if problems and code == ExitCode.REACHED:
        code = ExitCode.SERVER_FAILED
    if plan.as_json:
        checked = [check.to_json() for check in found]
        results = {"comparisons": comparisons, "checks": checked, "exitCode": code}
        emit({"kind": "RESULT", **batch, **results})
    else:
        tables.print_result(new_console(), batch, found)
    for problem in problems:
        print(f"reev-gql: {problem}", file=sys.stderr)
    return code


async def _interrupted(plan: Plan, batch: Data, waiting: int) -> int:
    if wants_stop(waiting):
        answer = await graphql_client.ask(plan.url, cli_documents.STOP_BATCH, {"id": batch["id"]})
        tables.print_stopped(new_console(stderr=True), success(answer, "stopBatch"))
    else:
        _tell_how_to_go_on(plan, batch)
    return ExitCode.INTERRUPTED


def _tell_started(plan: Plan, batch: Data) -> None:
    if plan.as_json:
        emit({"kind": "STARTED", **batch} if plan.watching else batch)
    else:
        new_console().print(f"{batch['id']} is a batch of {batch['size']} executions")


def _tell_how_to_go_on(plan: Plan, batch: Data) -> None:
    print(
        f"The batch {batch['id']} goes on at the server.\n"
        f"Watch it again: {plan.to_go_on(batch['id'])}\n"
        f"Stop it: reev-gql batches stop {batch['id']}",
        file=sys.stderr,
    )
