"""One revision per file; the SQL is in ../sql."""
