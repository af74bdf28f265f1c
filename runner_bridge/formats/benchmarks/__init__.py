"""Definitions of benchmarks: read, checked, and what can be computed from one alone: scores and assertions."""
