"""Figures that were saved are compared with the right sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf.report import saved
from perf.report.goals import GOALS
from perf.report.lines import RATIO, Line

RATE = Line("reading.list50.hand", "against by hand", 0.8, RATIO, more_is_better=True)
COST = Line("fanout.cpu", "per delivery", 20.0, "µs")


async def test_what_got_worse_is_negative_whichever_way_is_better(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    await saved.save(file, [RATE, COST])
    before = saved.read(file)["lines"]
    slower = Line(RATE.key, RATE.name, 0.4, RATE.unit, more_is_better=True)
    dearer = Line(COST.key, COST.name, 30.0, COST.unit)

    assert saved.change(before[RATE.key], RATE) == 0
    assert saved.change(before[RATE.key], slower) == pytest.approx(-0.5)
    assert saved.change(before[COST.key], dearer) == pytest.approx(-0.5)
    assert saved.change(before[COST.key], Line(COST.key, COST.name, 10.0, COST.unit)) == pytest.approx(0.5)


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    file.write_text('{"name": "x"}')
    with pytest.raises(ValueError, match=r"package\.json holds no figures"):
        saved.read(file)


def test_each_goal_has_a_line_of_its_own() -> None:
    assert len({goal.line for goal in GOALS}) == len(GOALS)
