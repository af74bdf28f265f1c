"""The lists of the command line: executions, benchmarks and agents, filtered and in pages.

`commands` has the options, `client` asks the server and prints.
"""
