"""Programs that a load or a backend runs as: `python -m compare.clients.NAME`."""
