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
from store.agents import performance
from store.agents.performance import Figures, PerformanceFilter
from store.executions import polled as polls
from store.executions.polled import Ended
from store.model import UNKNOWN_AGENT

BEST = 5
NAMES = TypeAdapter(list[str])
FIGURES = TypeAdapter(list[AgentFigures])


async def names(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /agents"""
    found = await known_agents.names(rest.db, rest.runner)
    return tagged(rest, request, Tagged(NAMES.dump_json(list(found))))


async def figures(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /agent-performance"""
    by_agent: defaultdict[str, list[Figures]] = defaultdict(list)
    for pair in await performance.of_pairs(rest.db, PerformanceFilter()):
        if pair.agent != UNKNOWN_AGENT:
            by_agent[pair.agent].append(pair)
    results: defaultdict[str, list[Ended]] = defaultdict(list)
    for row in await polls.newest_ended(rest.db, rest.results):
        results[row.agent].append(row)
    answers = [_figures(agent, by_agent[agent], results[agent]) for agent in sorted(by_agent)]
    return read_list(rest, request, FIGURES, answers)


def _figures(agent: str, pairs: Sequence[Figures], results: Sequence[Ended]) -> AgentFigures:
    executions = sum(pair.executions for pair in pairs)
    scored = sum(pair.reported.count for pair in pairs)
    total = sum((pair.reported.mean or 0) * pair.reported.count for pair in pairs)
    known = [
        (pair.reported.latest, str(pair.benchmark_id)) for pair in pairs if pair.reported.latest is not None
    ]
    return AgentFigures(
        agent_type=agent,
        total_benchmarks=len(pairs),
        total_executions=executions,
        average_score=total / scored if scored else 0.0,
        average_score_known=scored > 0,
        success_rate=sum(pair.succeeded for pair in pairs) / executions if executions else 0.0,
        best_benchmarks=[name for _, name in sorted(known, key=lambda one: (-one[0], one[1]))[:BEST]],
        worst_benchmarks=[name for _, name in sorted(known)[:BEST]],
        results=[_result(row) for row in results],
    )


def _result(row: Ended) -> AgentResult:
    return AgentResult(
        id=str(row.id),
        session_id=str(row.id),
        benchmark_id=row.benchmark_id,
        score=0.0 if row.score is None else row.score,
        score_known=row.score is not None,
        computed_score=row.computed_score,
        solved=row.solved,
        final_status=final_word(row.status),
        status=row.status,
        timestamp=row.ended_at,
    )
