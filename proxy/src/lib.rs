//! The data plane: listeners, TLS, routing, balancing, forwarding. It does not know Kubernetes.

pub mod access_log;
pub mod metrics;
