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
    /// An option that is read and not served yet.
    #[error("{0} is not served")]
    NotServed(&'static str),
    /// A service that it refers to is missing or invalid.
    #[error("the service {0:?} does not exist")]
    UnknownService(Name),
    /// The servers transport that it refers to is missing or invalid.
    #[error("the servers transport {0:?} does not exist")]
    UnknownTransport(Name),
}
