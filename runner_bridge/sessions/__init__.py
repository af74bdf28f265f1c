"""Session files: one reader for supervised, observed and imported executions.

Here lives what a session file is called, how it is read, what makes it the result of an execution, and how
many of them, and the tool logs beside them, are brought into the database. Looking at a directory again and
again is done in `observing`, what a living runner does in `supervision`; the file's own format is in
`formats.session_file`.
"""
