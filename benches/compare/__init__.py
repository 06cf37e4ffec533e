"""flow-proxy beside nginx, HAProxy and Caddy: the same work on one core, measured in turns."""
