"""The embedded PostgreSQL: the server that a wheel brings, used when DATABASE_URL is not set.

`programs` finds its programs, `account` says which user of the system runs them, `cluster` makes the data
directory, `postmaster` starts, finds and stops the server of one, `server` is what the rest of the program uses.
"""

from __future__ import annotations

from store.embedded.server import EmbeddedServer as EmbeddedServer
