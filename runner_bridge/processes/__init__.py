"""Operating system processes: which one a pid means, which belong to a runner, how one starts, when it ends.

Nothing here knows settings or the database. What a runner is started with, and how it is ended, is decided in
`launchers`.
"""
