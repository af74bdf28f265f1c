"""How a runner of tests/chaos/runner.py may behave: the names of its agents."""

WRITERS = ("quick", "slow", "stubborn", "family")
"""Those that write a good result when they are let be."""

ENDLESS = ("escape", "deaf")
"""Those that end only when somebody ends them."""

AGENTS = (*WRITERS, *ENDLESS, "crash", "leaky")
