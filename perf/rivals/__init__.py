"""Servers in Python that answer the same data as ours, each a program. Those in JavaScript are in `perf/node`."""
