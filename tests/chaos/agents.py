"""The agents of tests/chaos/runner.py, whose names say how the runner behaves."""

WRITERS = ("quick", "slow", "stubborn", "family")
"""Those that write a good result unless they are disturbed."""

ENDLESS = ("escape", "deaf")
"""Those that end only when they are killed."""

AGENTS = (*WRITERS, *ENDLESS, "crash", "leaky")
