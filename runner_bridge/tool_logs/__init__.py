"""Tool logs: one reader for a log that is followed while it grows and for one that is read whole.

Here lives everything between a file and the rows that are stored of it: its name, how it is opened and read
on, what becomes of its lines, and the follower of a running execution. What a line means is decided in
`formats.tool_log`; which logs are read, and when, by `supervision`, `observing` and `sessions`.
"""
