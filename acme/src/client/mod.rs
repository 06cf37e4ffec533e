//! ACME on the wire (RFC 8555): [`instant_acme`] behind the trait [`Ca`], over our own HTTP client.
//!
//! The library signs and sends; the client below it keeps what the library drops: `Retry-After`, `Link`, responses that
//! are not JSON, and nonces for the next request. Registration is signed here, because the library cannot register a
//! given key with a contact or an external binding, and the key must be stored before it is registered.

mod jws;
mod library;
mod register;
mod response;
mod server;
mod transport;

#[cfg(test)]
mod tests;

use crate::ca::{Account, Authorization, Ca, CaError, Directory, NewOrder, OrderState, Registration, RenewalInfo};
use crate::x509::chain;
use async_trait::async_trait;
use instant_acme::{CertificateIdentifier, Identifier};
use jiff::Timestamp;
use parking_lot::Mutex;
use server::Server;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Number of attempts for a request while the server rejects its nonces. The library makes three requests in each.
const MAX_ATTEMPTS: usize = 8;

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

    async fn fetch(&self, account: &Account, url: &str) -> Result<transport::Reply, CaError> {
        let server = self.server(&account.directory)?;
        let library = server.account(account).await?;
        retry_bad_nonce(|| library::fetch(&library, url)).await
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
        let library = server.account(account).await?;
        let identifiers = identifiers(order)?;
        let urls = server.directory().await?;
        let url = urls.new_order.clone();
        // A server without renewal information does not know `replaces` either.
        let replaces = order.replaces.split_once('.').filter(|_| urls.renewal_info.is_some());
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
            library::capture(&url, library.new_order(&new)).await
        })
        .await?;
        let url = reply.header("location").ok_or_else(|| CaError::Response("an order without URL".to_owned()))?;
        response::order(url, &reply)
    }

    async fn order(&self, account: &Account, url: &str) -> Result<OrderState, CaError> {
        response::order(url, &self.fetch(account, url).await?)
    }

    async fn authorization(&self, account: &Account, url: &str) -> Result<Authorization, CaError> {
        response::authorization(url, &self.fetch(account, url).await?)
    }

    async fn accept(&self, account: &Account, order: &str, challenge: &str) -> Result<(), CaError> {
        let server = self.server(&account.directory)?;
        let library = server.account(account).await?;
        retry_bad_nonce(|| library::accept(&library, order, challenge)).await
    }

    async fn finalize(&self, account: &Account, order: &str, csr: &[u8]) -> Result<OrderState, CaError> {
        let server = self.server(&account.directory)?;
        let library = server.account(account).await?;
        let state = response::order(order, &retry_bad_nonce(|| library::fetch(&library, order)).await?)?;
        let reply = retry_bad_nonce(|| library::finalize(&library, order, &state.finalize, csr)).await?;
        response::order(order, &reply)
    }

    async fn certificate(&self, account: &Account, order: &str, preferred_chain: &str) -> Result<Vec<u8>, CaError> {
        let url = response::certificate_url(&self.fetch(account, order).await?)?;
        let default = self.fetch(account, &url).await?;
        let check = |reply: &transport::Reply| {
            chain::check(&reply.body).map_err(|error| CaError::Response(format!("a chain that is none: {error}")))
        };
        check(&default)?;
        let preferred = |reply: &transport::Reply| chain::top_issuer(&reply.body).as_deref() == Some(preferred_chain);
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
        let Some(base) = server.directory().await?.renewal_info.clone() else {
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
