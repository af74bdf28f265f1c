"""GET /export/{what}.{format}: rows of the database as CSV, JSON lines or Parquet, streamed from one snapshot.

Which columns there are, and how PostgreSQL writes them, is in store/export; here is what HTTP adds: parameters,
limits, Parquet, and an end that a client can tell from a broken connection.
"""
