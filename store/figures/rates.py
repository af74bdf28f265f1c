"""What several attempts give: pass@k and pass^k."""

from __future__ import annotations

import math


def pass_at(k: int, solved: int, attempts: int) -> float | None:
    """pass@k: the chance that at least one of k attempts is solved, without bias; None with fewer attempts."""
    return None if attempts < k else 1 - math.comb(attempts - solved, k) / math.comb(attempts, k)


def pass_all(k: int, solved: int, attempts: int) -> float | None:
    """pass^k: the chance that each of k attempts is solved, without bias; None with fewer attempts."""
    return None if attempts < k else math.comb(solved, k) / math.comb(attempts, k)
