"""Programs that generate load or serve as a backend: `python -m compare.clients.NAME`."""
