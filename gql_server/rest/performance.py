"""The agents and their figures, as the grid of the old page shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from aiohttp import web
from pydantic import TypeAdapter

from gql_server.rest.context import Rest, read_list, tagged
from gql_server.rest.remembered import Tagged
from gql_server.rest.shapes import AgentFigures, AgentResult
from gql_server.rest.words import final_word
from runner_bridge.agents import known_agents
from store.executions import polled as polls
from store.executions.polled import AgentTotals, Ended

BEST = 5
NAMES = TypeAdapter(list[str])
FIGURES = TypeAdapter(list[AgentFigures])


async def names(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /agents"""
    found = await known_agents.names(rest.db, rest.runner)
    return tagged(rest, request, Tagged(NAMES.dump_json(list(found))))


async def figures(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /agent-performance"""
    results: defaultdict[str, list[Ended]] = defaultdict(list)
    for row in await polls.newest_ended(rest.db, rest.results):
        results[row.agent].append(row)
    answers = [_figures(totals, results[totals.agent]) for totals in await polls.totals(rest.db, BEST)]
    return read_list(rest, request, FIGURES, answers)


def _figures(totals: AgentTotals, results: Sequence[Ended]) -> AgentFigures:
    return AgentFigures(
        agent_type=totals.agent,
        total_benchmarks=totals.benchmarks,
        total_executions=totals.executions,
        average_score=(totals.score_sum or 0.0) / totals.scored if totals.scored else 0.0,
        average_score_known=totals.scored > 0,
        success_rate=totals.succeeded / totals.executions if totals.executions else 0.0,
        best_benchmarks=list(totals.best),
        worst_benchmarks=list(totals.worst),
        results=[_result(row) for row in results],
    )


def _result(row: Ended) -> AgentResult:
    return AgentResult(
        id=str(row.id),
        session_id=row.session_id or str(row.id),
        benchmark_id=row.benchmark_id,
        score=0.0 if row.score is None else row.score,
        score_known=row.score is not None,
        computed_score=row.computed_score,
        solved=row.solved,
        final_status=final_word(row.status),
        status=row.status,
        timestamp=row.ended_at,
    )
