use super::health::InvalidCheck;
use crate::forward::EndpointError;
use flow_model::name::Name;

/// The reason why a service cannot be compiled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ServiceError {
    /// A server's URL is invalid.
    #[error("server {url:?}")]
    Server {
        /// The URL as written.
        url: String,
        /// The cause.
        #[source]
        source: EndpointError,
    },
    /// The health check cannot be run.
    #[error("healthCheck")]
    HealthCheck(#[from] InvalidCheck),
    /// Nothing tells that a service is down, and another refers to it for that.
    #[error("the service {0:?} has no healthCheck, so that nothing would tell that it is down")]
    NoHealth(Name),
    /// The share of a mirror is none.
    #[error("a mirror's percent must be between 0 and 100, and is {0}")]
    Percent(i64),
    /// An entry in the list of a failover service's statuses is invalid.
    #[error("errors.status: {0}")]
    Statuses(String),
    /// A service that it refers to is missing or invalid.
    #[error("the service {0:?} does not exist")]
    UnknownService(Name),
    /// The servers transport that it refers to is missing or invalid.
    #[error("the servers transport {0:?} does not exist")]
    UnknownTransport(Name),
}
