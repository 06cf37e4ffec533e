"""flow-proxy beside nginx, HAProxy, Caddy and Traefik: the same work on one core, measured in turns."""
