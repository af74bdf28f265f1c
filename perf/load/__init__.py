"""What parts share: databases and rows, servers side by side, requests, watchers and runners as processes."""
