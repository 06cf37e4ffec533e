//! One server: its directory, and the requests to it that the library cannot make.

use super::transport::{Reply, Transport};
use super::{jws, retry_bad_nonce};
use crate::ca::{CaError, Directory};
use crate::x509::key::PrivateKey;
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;
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

    /// Sends a request signed for the account of that URL or, before there is one, for the key itself. Without a payload
    /// it reads what is at `url`. Repeated while the server rejects its nonce.
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
