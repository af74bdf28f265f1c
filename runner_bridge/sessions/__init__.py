"""Session files: one reader for supervised, observed and imported executions.

Here lives how a session file is read, what makes it the result of an execution, and how session files and the tool
logs beside them are stored. Watching a directory is done in `observing`, ending a runner in `worker`. The file's
format is in `formats.session_file`, its name in `formats.file_names`.
"""
