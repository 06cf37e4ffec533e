//! The errors of settings for connections to backends.

use super::tls::SpiffeError;
use crate::tls::OfferError;

/// The reason why a ServersTransport cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A client certificate or its key cannot be read.
    #[error("client certificate {origin}: {reason}")]
    Certificate {
        /// The source of the certificate.
        origin: Box<str>,
        /// The cause.
        reason: String,
    },
    /// The TLS versions or cipher suites leave nothing.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// `peerCertURI` is no URI.
    #[error("the peerCertURI {0:?} is no URI")]
    PeerCertUri(String),
    /// A root certificate cannot be read.
    #[error("root certificate {index}: {reason}")]
    RootCertificate {
        /// The index in the list, from zero.
        index: usize,
        /// The cause.
        reason: String,
    },
    /// The server name is invalid.
    #[error("{0:?} is no server name")]
    ServerName(String),
    /// A SPIFFE identity or trust domain is none.
    #[error("{text:?} in spiffe: {reason}")]
    Spiffe {
        /// The identity or trust domain.
        text: String,
        /// The cause.
        reason: SpiffeError,
    },
    /// `spiffe` is beside what contradicts it.
    #[error("spiffe does not go together with insecureSkipVerify or peerCertURI")]
    SpiffeBeside,
    /// The TLS library rejects the settings.
    #[error("TLS settings do not hold")]
    Tls(#[from] rustls::Error),
    /// `spiffe` without authorities.
    #[error(
        "SPIFFE's Workload API is not served, so spiffe needs rootCAs beside it, with the authorities of the trust domain, \
         and the client's certificate and key where servers ask for one"
    )]
    WorkloadApi,
}
