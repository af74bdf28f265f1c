"""Whether the server can do its work, its workers, and who the caller is."""
