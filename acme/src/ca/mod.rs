//! What is asked of a certification authority: our own small trait, so that the engine is tested without one.

mod error;

pub use error::{CaError, Problem};

use crate::objects::{State, Window};
use crate::x509::key::PrivateKey;
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// An ACME server and how to trust it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Directory {
    /// URL of its directory.
    pub url: String,
    /// Authorities of its own certificate in PEM; empty: the system's.
    pub ca_bundle: Vec<u8>,
    /// Its certificate is not checked.
    pub skip_tls_verify: bool,
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

/// What an account is made of.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The account's key.
    pub key: Arc<PrivateKey>,
    /// Contact address; may be empty.
    pub email: String,
    /// A key that ties the account to a customer.
    pub binding: Option<Binding>,
    /// The account exists and has this URL: only its contact is brought up to date.
    pub known_url: Option<String>,
}

/// External account binding (RFC 8555 §7.3.4), HMAC with SHA-256.
#[derive(Clone)]
pub struct Binding {
    /// The CA's name of the key.
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
    /// Addresses.
    pub ip_addresses: Vec<String>,
    /// Profile; empty is the server's default.
    pub profile: String,
    /// The certificate that it replaces (RFC 9773 §5); empty for none.
    pub replaces: String,
}

/// An order as the server sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OrderState {
    /// Its URL.
    pub url: String,
    /// Its state.
    pub state: State,
    /// Its authorizations.
    pub authorizations: Vec<String>,
    /// Where the signing request goes.
    pub finalize: String,
    /// What is wrong.
    pub error: Option<Problem>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

/// An authorization as the server sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Authorization {
    /// Its URL.
    pub url: String,
    /// The name, without `*.`.
    pub identifier: String,
    /// It is for a wildcard.
    pub wildcard: bool,
    /// Its state.
    pub state: State,
    /// The ways to prove it.
    pub challenges: Vec<CaChallenge>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

/// A challenge as the server sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CaChallenge {
    /// `http-01`, `dns-01`, `tls-alpn-01`.
    pub kind: String,
    /// Where to say that we are ready.
    pub url: String,
    /// The token.
    pub token: String,
    /// Its state.
    pub state: State,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// When a server wants a certificate renewed (RFC 9773 §4.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RenewalInfo {
    /// The window.
    pub window: Window,
    /// Why.
    pub explanation: String,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

/// A certification authority that speaks ACME. Everything is named by URL, so that nothing of a session need survive.
#[async_trait]
pub trait Ca: Send + Sync + 'static {
    /// Registers a key, or brings the contact of a known account up to date; yields the account's URL.
    async fn register(&self, directory: &Directory, registration: &Registration) -> Result<String, CaError>;
    /// Places an order.
    async fn new_order(&self, account: &Account, order: &NewOrder) -> Result<OrderState, CaError>;
    /// Looks at an order.
    async fn order(&self, account: &Account, url: &str) -> Result<OrderState, CaError>;
    /// Looks at an authorization.
    async fn authorization(&self, account: &Account, url: &str) -> Result<Authorization, CaError>;
    /// Says that a challenge may be looked at.
    async fn accept(&self, account: &Account, order: &str, challenge: &str) -> Result<(), CaError>;
    /// Hands in a signing request (DER).
    async fn finalize(&self, account: &Account, order: &str, csr: &[u8]) -> Result<OrderState, CaError>;
    /// Fetches the chain of a valid order, in PEM; the one whose topmost issuer is `preferred_chain` if there is one.
    async fn certificate(&self, account: &Account, order: &str, preferred_chain: &str) -> Result<Vec<u8>, CaError>;
    /// Asks when a certificate should be renewed; `None` where the server does not say.
    async fn renewal_info(
        &self,
        directory: &Directory,
        certificate: &str,
        now: Timestamp,
    ) -> Result<Option<RenewalInfo>, CaError>;
}
