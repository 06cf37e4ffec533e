//! The data plane: listeners, TLS, routing, balancing, forwarding. It does not know Kubernetes.
//!
//! The path of a request: [`worker`] → [`listener`] → [`tls`] → [`serve`] → [`handler`] → [`router`] → middlewares →
//! [`service`] → [`forward`]. The path of a configuration: [`compile`] → [`snapshot`].

pub mod access_log;
pub mod compile;
pub mod forward;
pub mod handler;
pub mod listener;
pub mod metrics;
pub mod request;
mod respond;
pub mod router;
pub mod serve;
pub mod service;
mod small_write;
pub mod snapshot;
mod spans;
pub mod tls;
pub mod worker;
