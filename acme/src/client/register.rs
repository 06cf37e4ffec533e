//! Accounts (RFC 8555 §7.3).

use super::call::{self, Call};
use super::server::Server;
use super::{jws, retry_bad_nonce};
use crate::ca::{Account, CaError, Directory, Registration};
use serde_json::{Value, json};
use std::sync::Arc;

/// Registers a key, or finds its account, and returns the account's URL. An existing account gets the contact.
pub(super) async fn register(
    server: &Server,
    directory: &Directory,
    registration: &Registration,
) -> Result<String, CaError> {
    let (url, existed) = match &registration.known_url {
        Some(url) => (url.clone(), true),
        None => create(server, registration).await?,
    };
    if existed && !registration.email.is_empty() {
        let account =
            Account { directory: Arc::new(directory.clone()), url: url.clone(), key: Arc::clone(&registration.key) };
        let call = Call::open(server, &account).await?;
        let contact = contact(&registration.email);
        retry_bad_nonce(|| async { call.account.update_contacts(&[&contact]).await.map_err(call::error) }).await?;
    }
    Ok(url)
}

fn contact(email: &str) -> String {
    format!("mailto:{email}")
}

async fn create(server: &Server, registration: &Registration) -> Result<(String, bool), CaError> {
    let url = &server.directory().await?.urls.new_account;
    let mut payload = json!({"termsOfServiceAgreed": true});
    if let Value::Object(fields) = &mut payload {
        if !registration.email.is_empty() {
            fields.insert("contact".to_owned(), json!([contact(&registration.email)]));
        }
        if let Some(binding) = &registration.binding {
            let bound = jws::binding(&registration.key, binding, url)?;
            fields.insert("externalAccountBinding".to_owned(), bound);
        }
    }
    let reply = server.post(&registration.key, None, url, Some(&payload)).await?;
    let url = reply.header("location").ok_or_else(|| CaError::Response("an account without URL".to_owned()))?;
    Ok((url.to_owned(), reply.parts.status == http::StatusCode::OK))
}
