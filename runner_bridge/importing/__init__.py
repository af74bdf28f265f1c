"""Importing: reads a directory that other runners left, once and on request.

Here lives which directories may be read, in which order their files are taken, and what is reported of each. How a
file is read and stored is in `sessions` and `tool_logs`.
"""
