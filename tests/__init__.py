"""Tests, in the same folders as the packages they test.

Beside them: `acceptance` (the server as a process), `adversity` and `chaos` (faults), `installation` (the built
wheel), `plans` (query plans of big tables), `perf` (the rivals give the same answers), `tools`, and `helpers`.
"""
