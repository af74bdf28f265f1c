"""When a failed delivery is repeated."""

from __future__ import annotations

import datetime as dt

from runner_bridge.webhooks.schedule import DELAYS, DISABLED_AFTER, MAX_RETRY_AFTER, delay

HOUR = dt.timedelta(hours=1)


def test_attempts_become_rarer_and_span_days() -> None:
    planned = [delay(failed, 0.0) for failed in range(1, len(DELAYS) + 1)]
    assert planned == sorted(DELAYS) and len(DELAYS) == 9
    assert dt.timedelta(days=3) < sum(DELAYS, dt.timedelta()) < DISABLED_AFTER
    assert delay(len(DELAYS) + 1, 0.0) is None


def test_those_that_failed_together_are_spread() -> None:
    assert delay(3, 1.0) == 0.6 * HOUR
    assert delay(3, 0.5) == 0.55 * HOUR


def test_a_receiver_may_ask_for_more_time_but_not_for_ever() -> None:
    assert delay(1, 0.0, HOUR) == HOUR
    assert delay(4, 0.0, HOUR) == DELAYS[3]
    assert delay(1, 0.0, 1000 * HOUR) == MAX_RETRY_AFTER
    assert delay(len(DELAYS) + 1, 0.0, HOUR) is None
