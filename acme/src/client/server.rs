//! One server: its directory, and the accounts in use there.

use super::library::Http;
use super::transport::Transport;
use crate::ca::{Account, CaError, Directory};
use crate::no_verification::NoServerVerification;
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The URLs of a directory (RFC 8555 §7.1.1, RFC 9773 §4.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DirectoryUrls {
    pub(super) new_nonce: String,
    pub(super) new_account: String,
    pub(super) new_order: String,
    pub(super) renewal_info: Option<String>,
}

pub(super) struct Server {
    url: String,
    transport: Transport,
    urls: OnceCell<DirectoryUrls>,
    accounts: Mutex<HashMap<(String, String), instant_acme::Account>>,
}

impl Server {
    pub(super) fn new(directory: &Directory, user_agent: &str) -> Result<Self, CaError> {
        Ok(Self {
            url: directory.url.clone(),
            transport: Transport::new(directory, user_agent)?,
            urls: OnceCell::new(),
            accounts: Mutex::default(),
        })
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) async fn directory(&self) -> Result<&DirectoryUrls, CaError> {
        self.urls
            .get_or_try_init(|| async {
                let reply = self.transport.fetch(&self.url).await?;
                serde_json::from_slice(&reply.body)
                    .map_err(|error| CaError::Response(format!("{} is no ACME directory: {error}", self.url)))
            })
            .await
    }

    /// Returns the library's handle of an account. The first call for an account reads the directory.
    pub(super) async fn account(&self, account: &Account) -> Result<instant_acme::Account, CaError> {
        let id = (account.url.clone(), account.key.fingerprint());
        if let Some(known) = self.accounts.lock().get(&id) {
            return Ok(known.clone());
        }
        if account.key.thumbprint().is_none() {
            return Err(CaError::Key("accounts are signed for with ECDSA P-256 keys only".to_owned()));
        }
        let opened = instant_acme::Account::builder_with_http(Box::new(Http(self.transport.clone())))
            .from_parts(account.url.clone(), PrivatePkcs8KeyDer::from(account.key.pkcs8()), self.url.clone())
            .await
            .map_err(super::library::error)?;
        self.accounts.lock().insert(id, opened.clone());
        Ok(opened)
    }
}

/// TLS settings for the server: trust in its CA bundle alone if there is one, else in the system's authorities.
pub(super) fn tls(directory: &Directory) -> Result<ClientConfig, CaError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| CaError::Response(error.to_string()))?;
    if directory.skip_tls_verify {
        // `skipTLSVerify`: the operator asked for no check.
        let verifier = Arc::new(NoServerVerification::new(&provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    if directory.ca_bundle.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        for certificate in CertificateDer::pem_slice_iter(&directory.ca_bundle) {
            let certificate = certificate.map_err(|error| CaError::Key(format!("caBundle: {error}")))?;
            roots.add(certificate).map_err(|error| CaError::Key(format!("caBundle: {error}")))?;
        }
        if roots.is_empty() {
            return Err(CaError::Key("caBundle holds no certificate".to_owned()));
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
