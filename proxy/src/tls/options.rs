use super::client_auth::{ClientAuthError, verifier};
use super::names::{self, Named};
use super::offer::{self, OfferError, Versions};
use flow_model::config::TlsOptions;
use flow_model::diagnostic::{Severity, causes};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::{CipherSuite, ServerConfig};
use std::sync::Arc;

/// Number of sessions kept for each TLS option, for clients without tickets.
const SESSIONS: usize = 1024;
/// Number of tickets for a TLS 1.3 client: one, like Go, as each costs a round of encryption.
const TICKETS: usize = 1;

/// The reason why an option is not served: connections that need it are closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum OptionsError {
    #[error(transparent)]
    ClientAuth(#[from] ClientAuthError),
    #[error("the curve {0} is not known")]
    Curve(String),
    #[error("none of the curves can be served; use X25519, CurveP256 or CurveP384")]
    NoCurve,
    #[error(transparent)]
    Offer(#[from] OfferError),
    #[error("{0}")]
    Provider(String),
    #[error("the settings do not go together: {0}")]
    Tls(#[from] rustls::Error),
}

/// Settings compiled from an option, without certificates.
///
/// They own tickets and sessions: a resumed session was authenticated under these very settings.
#[derive(Debug)]
pub(super) struct Settings {
    config: ServerConfig,
    pub(super) sni_strict: bool,
}

/// Checks that an option can be served; the error is the reason if not.
pub(crate) fn check(options: &TlsOptions) -> Result<(), String> {
    let found = &mut |_, _| {};
    negotiation(options, found).map(drop).map_err(|error| causes(&error))
}

/// The parameters of a handshake, and the verifier of clients.
type Negotiation = (Arc<CryptoProvider>, Versions, Arc<dyn ClientCertVerifier>);

fn negotiation(options: &TlsOptions, found: &mut impl FnMut(Severity, String)) -> Result<Negotiation, OptionsError> {
    if let Some(reason) = &options.broken {
        return Err(OptionsError::Provider(reason.clone()));
    }
    let mut provider = aws_lc_rs::default_provider();
    let mut versions = offer::versions(&options.min_version, &options.max_version, found)?;
    offer::suites(&options.cipher_suites, &mut provider, &mut versions, found)?;
    curves(options, &mut provider, found)?;
    provider.cipher_suites.sort_by_key(|suite| names::rank(suite.suite()));
    let provider = Arc::new(provider);
    let verifier = verifier(options.client_auth.as_ref(), &provider)?;
    Ok((provider, versions, verifier))
}

impl Settings {
    /// Compiles `options`; calls `found` for everything served otherwise than configured.
    pub(super) fn compile(
        options: &TlsOptions,
        found: &mut impl FnMut(Severity, String),
    ) -> Result<Self, OptionsError> {
        let (provider, versions, verifier) = negotiation(options, found)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(NoCertificate));
        config.alpn_protocols = if options.alpn_protocols.is_empty() {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        } else {
            // Challenges are handled before the options are used.
            let protocols = options.alpn_protocols.iter().filter(|name| *name != "acme-tls/1");
            protocols.map(|name| name.as_bytes().to_vec()).collect()
        };
        if options.disable_session_tickets {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        } else {
            config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
            config.ticketer = aws_lc_rs::Ticketer::new()?;
            config.send_tls13_tickets = TICKETS;
        }
        Ok(Self { config, sni_strict: options.sni_strict })
    }

    /// A configuration with certificates from `resolver` and this order of suites.
    pub(super) fn with(&self, resolver: Arc<dyn ResolvesServerCert>, order: Order) -> Arc<ServerConfig> {
        let mut config = self.config.clone();
        config.cert_resolver = resolver;
        config.ignore_client_order = order == Order::Ours;
        Arc::new(config)
    }
}

/// The side whose order of cipher suites counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// AES-128 first, as in Go: it is the quickest, and hashes with SHA-256, for which processors have instructions.
    Ours,
    /// The client's.
    Theirs,
}

impl Order {
    /// As in Go: a client that prefers ChaCha20 to AES has no instructions for the latter.
    pub(super) fn for_client(suites: &[CipherSuite]) -> Self {
        match suites.iter().find_map(|suite| names::is_chacha(*suite)) {
            Some(true) => Self::Theirs,
            _ => Self::Ours,
        }
    }
}

/// Placeholder for the resolver given to [`Settings::with`].
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }
}

fn curves(
    options: &TlsOptions,
    provider: &mut CryptoProvider,
    found: &mut impl FnMut(Severity, String),
) -> Result<(), OptionsError> {
    if options.curve_preferences.is_empty() {
        return Ok(());
    }
    let mut groups = Vec::new();
    for name in &options.curve_preferences {
        match names::curve(name).ok_or_else(|| OptionsError::Curve(name.clone()))? {
            Named::Served(group) => groups.push(group),
            Named::Implied | Named::Unserved => found(Severity::Warning, format!("the curve {name} is not served")),
        }
    }
    provider.kx_groups = groups;
    if provider.kx_groups.is_empty() { Err(OptionsError::NoCurve) } else { Ok(()) }
}
