"""Health of the server, its workers, and the caller."""
