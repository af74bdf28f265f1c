"""What the server answers, as small as the rules over it need."""

from __future__ import annotations

from typing import Any

Data = dict[str, Any]

BATCH_ID = "0198c0de-0000-7000-8000-000000000001"


def execution(agent: str = "a", benchmark: str = "b1", trial: int = 1, **changes: Any) -> Data:
    """One that has ended and was solved."""
    return {
        **{"id": f"{agent}-{benchmark}-{trial}", "agent": agent, "benchmarkId": benchmark, "trial": trial},
        **{"status": "SUCCEEDED", "solved": True, "isAttempt": True, "success": True, "failure": None},
        **{"computedScore": 1.0, "score": 1.0, "executionTimeMs": 1500, "assertions": []},
        **changes,
    }


def unsolved(*place: Any, **changes: Any) -> Data:
    return execution(*place, **{"solved": False, "computedScore": 0.5, "score": 0.5, **changes})


def excluded(kind: str, *place: Any, message: str = "it broke") -> Data:
    """One that says nothing of its agent: FAILED of this kind, or in this state."""
    state = kind in ("STOPPED", "LOST", "TIMED_OUT")
    failure = None if state else {"kind": kind, "message": message, "exitCode": None, "exitSignal": None}
    nothing: Data = {
        "solved": None,
        "computedScore": None,
        "score": None,
        "success": None,
        "isAttempt": False,
    }
    return execution(*place, **nothing, status=kind if state else "FAILED", failure=failure)


def entry(agent: str = "a", settings_hash: str | None = None, **figures: Any) -> Data:
    """A line of a leaderboard."""
    known = {
        **{"attempts": 10, "solved": 9, "excluded": [], "solveRate": 0.9, "meanScore": 0.95},
        **dict.fromkeys(("solveRateInterval", "meanScoreInterval", "cost", "p50TimeMs")),
        **figures,
    }
    return {
        **{"agent": agent, "settingsHash": settings_hash, "settingsSummary": None, "model": None},
        **{"benchmarks": 1, "isPartial": False, "figures": known},
    }


def batch(*executions: Data, entries: tuple[Data, ...] = (), name: str | None = None) -> Data:
    succeeded = sum(each["status"] == "SUCCEEDED" for each in executions)
    attempts = [each for each in executions if each["isAttempt"]]
    figures = {
        **{"attempts": len(attempts), "solved": sum(each["solved"] is True for each in attempts)},
        **{"solveRate": None, "solveRateInterval": None, "meanComputedScore": None},
    }
    return {
        **{"id": BATCH_ID, "name": name, "requestedAt": "2026-01-02T03:04:05.678901+00:00"},
        **{"size": len(executions), "entries": list(entries), "figures": figures},
        "progress": {"succeeded": succeeded, "ended": len(executions)},
    }


def comparison(solve_rate: float | None, score: float | None, verdict: str = "CANNOT_TELL") -> Data:
    return {
        **{"verdict": verdict, "sentence": "What can be said.", "benchmarks": []},
        **{"solveRateDifference": solve_rate, "scoreDifference": score},
    }
