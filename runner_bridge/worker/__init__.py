"""Takes executions from the queue and sees each to its end.

`worker` claims, `supervision` sees one execution through (`end_cause`: why its watching ends, `runner_end`: how
the runner is ended, `runner_files`: what it writes, `result`: what the end is), `recovery` takes over what
other workers left, `retention` deletes what is old. How a process is started or ended is in `launchers`, how a
file is read in `sessions` and `tool_logs`.
"""
