"""How a runner is started (`start_runner`), found again (`runner_process`) and ended (`end_runner`).

`launcher` says what a launcher is, `local_launcher` has the processes of this machine, `launchers` all of a
worker.
`runner_config` is everything that is set about runners, `command_template` the command line, `command_help`
what the runner's program says about its flags, `output` and `output_tail` what it prints. When a runner is
started or ended is decided in `worker`.
"""
