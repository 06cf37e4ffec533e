//! The reasons why there is no connection to a backend.

use super::io_error;
use super::outbound::TunnelError;
use flow_middleware::FailureKind;
use std::io;
use std::time::Duration;

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TCP was refused or broke.
    #[error("connection failed")]
    Io(#[source] io::Error),
    /// The HTTP/2 preface failed.
    #[error("HTTP/2 could not begin")]
    Preface(#[source] h2::Error),
    /// The name has no address.
    #[error("name does not resolve")]
    Resolve(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("TLS handshake failed")]
    Tls(#[source] io::Error),
    /// It took too long.
    #[error("not within {0:?}")]
    TimedOut(Duration),
    /// The proxy on the way opens no tunnel.
    #[error("no tunnel through the proxy {proxy}")]
    Tunnel {
        /// The proxy's host and port.
        proxy: Box<str>,
        /// The cause.
        #[source]
        source: TunnelError,
    },
}

impl ConnectError {
    /// The kind of response for the client.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Io(error) => io_error::kind(error),
            Self::Preface(_) | Self::Resolve(_) => FailureKind::Unreachable,
            Self::TimedOut(_) => FailureKind::TimedOut,
            Self::Tunnel { source: TunnelError::Io(error), .. } => io_error::kind(error),
            // Go: no net.Error.
            Self::Tunnel { .. } => FailureKind::Internal,
            Self::Tls(error) => match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                // Go: an alert is a net.Error, everything that our own side rejects is not.
                Some(rustls::Error::AlertReceived(_)) => FailureKind::Unreachable,
                Some(_) => FailureKind::Internal,
                None => io_error::kind(error),
            },
        }
    }

    /// True if the server is not there, so that another may do better. Timeouts and TLS settings that fail are reported
    /// to the client as they are.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Resolve(_)) && self.kind() == FailureKind::Unreachable
    }
}
