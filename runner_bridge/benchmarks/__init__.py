"""Benchmark definitions on their way into the database, and read again from there.

`sync` brings in a directory or one text, `files` and `parsing` read it, `definitions` remembers stored
definitions that were parsed, `shipped` copies the benchmarks that come with the program. The format itself is
in `formats.benchmark`.
"""
