use crate::forward::EndpointError;
use flow_model::name::Name;

/// Why a service cannot be compiled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ServiceError {
    /// A server's URL does not hold.
    #[error("server {url:?}")]
    Server {
        /// The URL as written.
        url: String,
        /// Why.
        #[source]
        source: EndpointError,
    },
    /// A service that it refers to does not exist or does not hold.
    #[error("the service {0:?} does not exist")]
    UnknownService(Name),
    /// The servers transport that it refers to does not exist or does not hold.
    #[error("the servers transport {0:?} does not exist")]
    UnknownTransport(Name),
}
