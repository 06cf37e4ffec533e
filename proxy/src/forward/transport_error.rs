//! The errors of settings for connections to backends.

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
    /// The TLS library rejects the settings.
    #[error("TLS settings do not hold")]
    Tls(#[from] rustls::Error),
}
