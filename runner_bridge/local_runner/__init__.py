"""A runner of our own: executes one benchmark in a Solana VM inside this process, without daemon or network.

It is a program, `python -m runner_bridge.local_runner`, with the command line and the files of upstream's
runner; no other room imports it, and it imports only `formats`. `cli` is the command line, `execution` executes
a benchmark, `environment` is the chain, `agents` decide what to send, `session`, `tool_log` and
`transcript` write the files.
"""
