"""Speed measurements: `make perf`. docs/performance.md explains how to read their figures.

`parts` measures, `load` is what parts share, `rivals` and `node` are the servers to compare with, `report` shows,
saves and compares figures. Nothing here is installed.
"""
