//! The data plane: listeners, TLS, routing, balancing, forwarding.
