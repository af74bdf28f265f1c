"""Evaluations by command line: batches that are started, watched, judged and reported, as a CI job needs them.

Here are the commands, what each asks the server, and pure functions over the answers: targets, JUnit, Markdown.
Figures and comparisons are the server's; nothing is computed here that it has.
"""
