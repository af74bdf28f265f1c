"""Figures as text: one headline, the computed score and what was solved, with how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gql_server.cli.views.texts import UNKNOWN

Data = dict[str, Any]


def percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:.0f} %"


def score(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def money(value: float | None) -> str:
    """US dollars, to a millionth where it is less than one."""
    if value is None:
        return UNKNOWN
    return f"${value:.2f}" if value >= 1 else f"${value:.6f}".rstrip("0").rstrip(".")


def interval_text(interval: Data | None, text: Callable[[float | None], str]) -> str:
    """`(56 to 93 %)`; nothing where it is not known."""
    if interval is None:
        return ""
    return f"({text(interval['low']).removesuffix(' %')} to {text(interval['high'])})"
