"""Programs for those who work on the project. Nothing here is installed or imported by the server."""
