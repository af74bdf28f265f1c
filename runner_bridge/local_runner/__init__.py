"""A runner of our own: executes one benchmark in a Solana VM inside this process, without daemon or network.

It is a program, `python -m runner_bridge.local_runner`, with the command line and the files of the
upstream runner; nothing imports it. `cli` speaks to the shell, `execution` carries a benchmark through,
`environment` is the chain, `agents` decide what to send, `session` and `tool_log` write what is read
later.
"""
