"""What a leaderboard can be sorted by."""

from __future__ import annotations

from enum import StrEnum


class LeaderboardField(StrEnum):
    """The order of a leaderboard."""

    AGENT = "AGENT"
    ATTEMPTS = "ATTEMPTS"
    SOLVED = "SOLVED"
    SOLVE_RATE = "SOLVE_RATE"
    MEAN_SCORE = "MEAN_SCORE"
    MEDIAN_SCORE = "MEDIAN_SCORE"
    BENCHMARKS = "BENCHMARKS"
    INPUT_TOKENS = "INPUT_TOKENS"
    OUTPUT_TOKENS = "OUTPUT_TOKENS"
    COST = "COST"
    COST_PER_ATTEMPT = "COST_PER_ATTEMPT"
    COST_PER_SOLVED = "COST_PER_SOLVED"
    MEAN_TIME = "MEAN_TIME"
    P50_TIME = "P50_TIME"
    P95_TIME = "P95_TIME"
