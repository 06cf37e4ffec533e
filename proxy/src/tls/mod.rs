//! TLS towards clients: the certificate and the options for a ClientHello, compiled when the configuration changes and
//! looked up by hash, and the handshake.

mod certificate;
mod client_auth;
mod fallback;
mod finding;
mod handshake;
mod index;
mod keyring;
mod names;
pub(crate) mod offer;
mod options;
mod state;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::test_key;

pub use finding::{TlsFinding, TlsSubject};
pub use offer::OfferError;
pub use state::{DefaultCertificate, TlsInput, TlsState};

pub(crate) use handshake::{Handshake, HandshakeError, handshake};
pub(crate) use options::check as check_options;

use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// Source of the current TLS configuration.
pub trait TlsSource: Send + Sync + 'static {
    /// The state for new connections.
    fn load(&self) -> Arc<TlsState>;

    /// The certificate for an ACME TLS-ALPN challenge for `name` (RFC 8737), if there is one.
    fn challenge(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let _ = name;
        None
    }
}
