//! One server: its directory, and the requests to it that the library cannot make.

use super::transport::{Reply, Transport};
use super::{jws, retry_bad_nonce};
use crate::ca::{CaError, Directory};
use crate::no_verification::NoServerVerification;
use crate::x509::key::PrivateKey;
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The URLs of a directory (RFC 8555 §7.1.1, RFC 9773 §4.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DirectoryUrls {
    pub(super) new_nonce: String,
    pub(super) new_account: String,
    pub(super) renewal_info: Option<String>,
}

/// A directory that was read.
pub(super) struct Known {
    pub(super) urls: DirectoryUrls,
    /// The document itself.
    pub(super) document: Bytes,
}

pub(super) struct Server {
    url: String,
    transport: Transport,
    directory: OnceCell<Known>,
}

impl Server {
    pub(super) fn new(directory: &Directory, user_agent: &str) -> Result<Self, CaError> {
        Ok(Self {
            url: directory.url.clone(),
            transport: Transport::new(directory, user_agent)?,
            directory: OnceCell::new(),
        })
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Returns the directory; the first call reads it.
    pub(super) async fn directory(&self) -> Result<&Known, CaError> {
        let read = || async {
            let document = self.transport.fetch(&self.url).await?.body;
            let urls = serde_json::from_slice(&document)
                .map_err(|error| CaError::Response(format!("{} is no ACME directory: {error}", self.url)))?;
            Ok(Known { urls, document })
        };
        self.directory.get_or_try_init(read).await
    }

    /// Sends a request signed for the account of that URL or, before there is one, for the key itself. Without a payload it
    /// reads what is at `url`. Repeated while the server rejects its nonce.
    pub(super) async fn post(
        &self,
        key: &PrivateKey,
        account: Option<&str>,
        url: &str,
        payload: Option<&Value>,
    ) -> Result<Reply, CaError> {
        if key.thumbprint().is_none() {
            return Err(CaError::Key("accounts are signed for with ECDSA P-256 keys only".to_owned()));
        }
        let new_nonce = &self.directory().await?.urls.new_nonce;
        retry_bad_nonce(|| async {
            let nonce = self.transport.nonce(new_nonce).await?;
            let nonce = nonce.to_str().map_err(|error| CaError::Response(error.to_string()))?;
            let body = jws::signed(key, account, nonce, url, payload)?;
            let request = Request::post(url)
                .header(CONTENT_TYPE, "application/jose+json")
                .body(Full::new(Bytes::from(body)))
                .map_err(|error| CaError::Response(error.to_string()))?;
            self.transport.send(request).await
        })
        .await
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
