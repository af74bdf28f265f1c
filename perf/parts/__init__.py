"""What is measured: one module per part of `make perf`; its `measure` returns lines of figures."""
