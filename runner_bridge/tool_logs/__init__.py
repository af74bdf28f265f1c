"""Tool logs: one reader for a log that grows and for one that is read whole.

Here lives how a log is opened and read on, what is stored of its lines, and how the log of a running execution is
followed. What a line means is in `formats.tool_log`. Which logs are read, and when, is decided by `worker`,
`observing`, `importing` and `sessions`.
"""
