"""Derived texts of an execution: trace, transaction logs, flow diagram, flow page.

Pure functions over the store's words: no I/O, no clock, no GraphQL. Whatever an agent or a runner wrote goes
in, nothing raises, and nothing comes out that the input does not say: unknown stays unknown.
"""
