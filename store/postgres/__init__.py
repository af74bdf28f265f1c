"""PostgreSQL itself: addresses, connections, the pool, errors, migrations, and what the server must offer.

Nothing here knows a benchmark or an execution.
"""
