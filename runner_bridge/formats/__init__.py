"""The files that the server and the local runner share: benchmarks, session files, tool logs.

Here lives what these files are called, how they are read into models, and what is computed from them alone:
scores, assertions, whether a benchmark runs here. Also the addresses at which no model is asked. Nothing here
writes a file or knows the database, a process or the API.
"""
