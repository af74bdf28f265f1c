"""Tool logs and transcripts: one reader for a file that grows and for one that is read whole.

Here lives how such a file is opened and read on, what is stored of its lines, and how that of a running execution
is followed. What a line means is in `formats.tool_logs` and `formats.transcript`. Which files are read, and when,
is decided by `worker`, `observing`, `importing` and `sessions`.
"""
