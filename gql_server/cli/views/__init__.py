"""What commands print: tables, live views, conversations, and JSON for scripts. Nothing here asks a server."""
