//! The interface to a certification authority: a small trait of our own, so that the engine can be tested without a CA.

mod error;

pub use error::{CaError, Problem, problem_in};

use crate::objects::{State, Window};
use crate::x509::key::PrivateKey;
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// An ACME server and the trust in its certificate.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Directory {
    /// URL of its directory.
    pub url: String,
    /// Authorities that sign the server's own certificate, in PEM. Empty: the system's.
    pub ca_bundle: Vec<u8>,
    /// True if the server's certificate is not checked.
    pub skip_tls_verify: bool,
    /// True if the system's authorities are trusted beside `ca_bundle`.
    pub system_roots: bool,
    /// The name in the server's certificate. Empty: the host of the URL.
    pub server_name: String,
    /// Time limits of requests.
    pub timeouts: Timeouts,
}

/// Time limits of requests to a server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Timeouts {
    /// For the whole exchange. Default: two minutes.
    pub exchange: Duration,
    /// Until the head of the response. Default: 30 seconds.
    pub head: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { exchange: Duration::from_secs(120), head: Duration::from_secs(30) }
    }
}

/// An account at a server.
#[derive(Clone, Debug)]
pub struct Account {
    /// The server.
    pub directory: Arc<Directory>,
    /// The account's URL (`kid`).
    pub url: String,
    /// The account's key.
    pub key: Arc<PrivateKey>,
}

/// The data of an account registration.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The account's key.
    pub key: Arc<PrivateKey>,
    /// Contact address. Empty: none.
    pub email: String,
    /// The CA's key that ties the account to a customer.
    pub binding: Option<Binding>,
    /// URL of an account that exists already: only its contact is updated.
    pub known_url: Option<String>,
}

/// External account binding (RFC 8555 §7.3.4), HMAC with SHA-256.
#[derive(Clone)]
pub struct Binding {
    /// The CA's name for the key.
    pub key_id: String,
    /// The key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binding").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A new order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NewOrder {
    /// DNS names.
    pub dns_names: Vec<String>,
    /// IP addresses.
    pub ip_addresses: Vec<String>,
    /// Profile. Empty: the server's default.
    pub profile: String,
    /// The certificate that it replaces (RFC 9773 §5). Empty: none.
    pub replaces: String,
}

/// An order as the server sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OrderState {
    /// The order's URL.
    pub url: String,
    /// The order's state.
    pub state: State,
    /// URLs of its authorizations.
    pub authorizations: Vec<String>,
    /// URL to which the signing request is sent.
    pub finalize: String,
    /// The reason for a failure.
    pub error: Option<Problem>,
    /// Time to wait before the next look (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// An authorization as the server sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Authorization {
    /// The authorization's URL.
    pub url: String,
    /// The name to prove, without `*.`.
    pub identifier: String,
    /// True for a wildcard.
    pub wildcard: bool,
    /// The authorization's state.
    pub state: State,
    /// The challenges, one of which must be met.
    pub challenges: Vec<CaChallenge>,
    /// Time to wait before the next look (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// A challenge as the server sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CaChallenge {
    /// `http-01`, `dns-01`, `tls-alpn-01`, `dns-persist-01`.
    pub kind: String,
    /// URL to which readiness is reported.
    pub url: String,
    /// The token; of `dns-persist-01`, which has none, the names by which the CA goes, divided by spaces.
    pub token: String,
    /// The challenge's state.
    pub state: State,
    /// The reason for a failure.
    pub error: Option<Problem>,
}

/// The time at which a server wants a certificate renewed (RFC 9773 §4.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RenewalInfo {
    /// The window.
    pub window: Window,
    /// URL of the CA's explanation. Empty: none.
    pub explanation: String,
    /// Time to wait before the next look (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// A certification authority that speaks ACME. Every call names its objects by URL, so that no session state is needed.
#[async_trait]
pub trait Ca: Send + Sync + 'static {
    /// Registers a key, or updates the contact of a known account. Returns the account's URL.
    async fn register(&self, directory: &Directory, registration: &Registration) -> Result<String, CaError>;
    /// Places an order.
    async fn new_order(&self, account: &Account, order: &NewOrder) -> Result<OrderState, CaError>;
    /// Reads an order.
    async fn order(&self, account: &Account, url: &str) -> Result<OrderState, CaError>;
    /// Reads an authorization.
    async fn authorization(&self, account: &Account, url: &str) -> Result<Authorization, CaError>;
    /// Tells the CA that a challenge is ready to be validated.
    async fn accept(&self, account: &Account, challenge: &str) -> Result<(), CaError>;
    /// Submits a signing request (DER).
    async fn finalize(&self, account: &Account, order: &str, csr: &[u8]) -> Result<OrderState, CaError>;
    /// Fetches the chain of a valid order, in PEM: the one whose topmost issuer is `preferred_chain`, else the default.
    async fn certificate(&self, account: &Account, order: &str, preferred_chain: &str) -> Result<Vec<u8>, CaError>;
    /// Reads the time at which a certificate should be renewed; `None` if the server does not offer it.
    async fn renewal_info(
        &self,
        directory: &Directory,
        certificate: &str,
        now: Timestamp,
    ) -> Result<Option<RenewalInfo>, CaError>;
}
