"""How long tests wait for what must happen.

One number for all: it only tells a hang from a machine that is busy. No test passes or fails by how long something
takes, except that nothing takes as long as this; how fast things are, `make perf` tells.
"""

from __future__ import annotations

DEADLINE_S = 120.0
"""Less than pytest's own limit per test, so that what hangs is told by name."""
