"""Everything between the store and the outside world: runner processes, their files, agents, benchmark files.

The rooms, from the top: `worker` takes executions and sees each to its end. `observing` and `importing` take in
the work of runners that this program did not start. `launchers` start and end runners. `sessions` and
`tool_logs` read what runners write. `benchmarks` and `agents` are what is executed and with what. `watching`
notices changed files. `parsing` and `processes` deal with processes of the operating system. `formats` are the
files that runners share with us, and import nothing else of ours. `local_runner` is a program of its own: no room
imports it.

Arrows point downwards only; pyproject.toml has the order. Nothing here knows GraphQL, HTTP routes or SQL.
"""
