"""flow-proxy built with what a load on it has shown."""
