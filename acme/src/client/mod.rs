//! ACME on the wire (RFC 8555): [`instant_acme`] behind the trait [`Ca`], over our own HTTP client.
//!
//! Orders and contacts are the library's: it signs, sends and repeats. Version 0.8 leaves to us
//! - the HTTP client (`transport`), a hook that it provides: limits of time and size, and what the library hides of a
//!   response: `Retry-After`, `Link`, subproblems, bodies that are not JSON (`call`);
//! - nonces: it fetches one before most requests, of which Let's Encrypt allows 20 a second; ours come with responses;
//! - requests that it cannot make (`jws`, `Server::post`): registering a key that is stored already with a contact or
//!   an external binding, reading any URL (authorizations, chains), and accepting a challenge by its URL alone;
//! - more than its three attempts after a rejected nonce.

mod call;
mod jws;
mod register;
mod response;
mod server;
mod tls;
mod transport;

#[cfg(test)]
mod tests;

use crate::ca::{Account, Authorization, Ca, CaError, Directory, NewOrder, OrderState, Registration, RenewalInfo};
use crate::x509::chain;
use async_trait::async_trait;
use call::Call;
use instant_acme::{CertificateIdentifier, Identifier};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::json;
use server::Server;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use transport::Reply;

/// Number of attempts for a request while the server rejects its nonces: enough where every other one is rejected. The
/// library makes three requests in each.
const MAX_ATTEMPTS: usize = 12;

/// A client of ACME servers. It keeps connections, nonces and the directory of each server.
pub struct Client {
    user_agent: String,
    servers: Mutex<HashMap<Directory, Arc<Server>>>,
}

impl Client {
    /// Returns a client whose user agent is `flow-proxy/VERSION` and the HTTP library below it (RFC 8555 §6.1).
    #[must_use]
    pub fn new(version: &str) -> Self {
        let user_agent = format!("flow-proxy/{version} (hyper)");
        Self { user_agent, servers: Mutex::default() }
    }

    fn server(&self, directory: &Directory) -> Result<Arc<Server>, CaError> {
        if let Some(server) = self.servers.lock().get(directory) {
            return Ok(Arc::clone(server));
        }
        let server = Arc::new(Server::new(directory, &self.user_agent)?);
        Ok(Arc::clone(self.servers.lock().entry(directory.clone()).or_insert(server)))
    }

    /// Reads what is at a URL, as an account.
    async fn fetch(&self, account: &Account, url: &str) -> Result<Reply, CaError> {
        self.server(&account.directory)?.post(&account.key, Some(&account.url), url, None).await
    }

    /// Reads an order.
    async fn read_order(&self, account: &Account, url: &str) -> Result<Reply, CaError> {
        let server = self.server(&account.directory)?;
        let call = Call::open(&server, account).await?;
        retry_bad_nonce(|| async { call.reply(call.account.order(url.to_owned()).await) }).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("user_agent", &self.user_agent).finish_non_exhaustive()
    }
}

/// Repeats `attempt` while its nonce is rejected: the server has then done nothing.
async fn retry_bad_nonce<T, F: Future<Output = Result<T, CaError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, CaError> {
    let mut attempts = MAX_ATTEMPTS;
    loop {
        let result = attempt().await;
        attempts -= 1;
        match result {
            Err(error) if error.is("badNonce") && attempts > 0 => {}
            result => return result,
        }
    }
}

#[async_trait]
impl Ca for Client {
    async fn register(&self, directory: &Directory, registration: &Registration) -> Result<String, CaError> {
        let server = self.server(directory)?;
        register::register(&server, directory, registration).await
    }

    async fn new_order(&self, account: &Account, order: &NewOrder) -> Result<OrderState, CaError> {
        let server = self.server(&account.directory)?;
        let call = Call::open(&server, account).await?;
        let identifiers = identifiers(order)?;
        // A server without renewal information does not know `replaces` either.
        let known = server.directory().await?.urls.renewal_info.is_some();
        let replaces = order.replaces.split_once('.').filter(|_| known);
        let reply = retry_bad_nonce(|| async {
            let mut new = instant_acme::NewOrder::new(&identifiers);
            if !order.profile.is_empty() {
                new = new.profile(&order.profile);
            }
            if let Some((authority, serial)) = replaces {
                new = new.replaces(CertificateIdentifier {
                    authority_key_identifier: authority.into(),
                    serial: serial.into(),
                });
            }
            call.reply(call.account.new_order(&new).await)
        })
        .await?;
        let url = reply.header("location").ok_or_else(|| CaError::Response("an order without URL".to_owned()))?;
        response::order(url, &reply)
    }

    async fn order(&self, account: &Account, url: &str) -> Result<OrderState, CaError> {
        response::order(url, &self.read_order(account, url).await?)
    }

    async fn authorization(&self, account: &Account, url: &str) -> Result<Authorization, CaError> {
        response::authorization(url, &self.fetch(account, url).await?)
    }

    async fn accept(&self, account: &Account, challenge: &str) -> Result<(), CaError> {
        let server = self.server(&account.directory)?;
        let reply = server.post(&account.key, Some(&account.url), challenge, Some(&json!({}))).await?;
        response::challenge_error(&reply)?.map_or(Ok(()), |problem| Err(CaError::Refused(problem)))
    }

    async fn finalize(&self, account: &Account, order: &str, csr: &[u8]) -> Result<OrderState, CaError> {
        let server = self.server(&account.directory)?;
        let call = Call::open(&server, account).await?;
        let reply = retry_bad_nonce(|| async {
            let mut order = call.account.order(order.to_owned()).await.map_err(call::error)?;
            call.reply(order.finalize_csr(csr).await)
        });
        response::order(order, &reply.await?)
    }

    async fn certificate(&self, account: &Account, order: &str, preferred_chain: &str) -> Result<Vec<u8>, CaError> {
        let url = response::certificate_url(&self.read_order(account, order).await?)?;
        let default = self.fetch(account, &url).await?;
        let check = |reply: &Reply| {
            chain::check(&reply.body).map_err(|error| CaError::Response(format!("a chain that is none: {error}")))
        };
        check(&default)?;
        let preferred = |reply: &Reply| chain::top_issuer(&reply.body).as_deref() == Some(preferred_chain);
        if preferred_chain.is_empty() || preferred(&default) {
            return Ok(default.body.to_vec());
        }
        for alternate in default.alternates() {
            let reply = self.fetch(account, &alternate).await?;
            if preferred(&reply) && check(&reply).is_ok() {
                return Ok(reply.body.to_vec());
            }
        }
        Ok(default.body.to_vec())
    }

    async fn renewal_info(
        &self,
        directory: &Directory,
        certificate: &str,
        now: Timestamp,
    ) -> Result<Option<RenewalInfo>, CaError> {
        let server = self.server(directory)?;
        let Some(base) = server.directory().await?.urls.renewal_info.clone() else {
            return Ok(None);
        };
        let reply = server.transport().fetch(&format!("{}/{certificate}", base.trim_end_matches('/'))).await?;
        response::renewal_info(&reply, now).map(Some)
    }
}

fn identifiers(order: &NewOrder) -> Result<Vec<Identifier>, CaError> {
    let names = order.dns_names.iter().map(|name| Ok(Identifier::Dns(name.clone())));
    let addresses = order.ip_addresses.iter().map(|ip| {
        let ip: IpAddr = ip.parse().map_err(|_| CaError::Response(format!("{ip:?} is no address")))?;
        Ok(Identifier::Ip(ip))
    });
    names.chain(addresses).collect()
}
