//! One call of the protocol library, and the response that it ended with.

use super::server::Server;
use super::transport::{Reply, Transport, failure};
use crate::ca::{Account, CaError, Problem};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use rustls_pki_types::PrivatePkcs8KeyDer;
use std::pin::Pin;
use std::sync::Arc;

/// An account of the library for one call.
pub(super) struct Call {
    pub(super) account: instant_acme::Account,
    last: Arc<Mutex<Option<Reply>>>,
}

impl Call {
    /// Opens an account; sends nothing if the server's directory is known.
    pub(super) async fn open(server: &Server, account: &Account) -> Result<Self, CaError> {
        if account.key.thumbprint().is_none() {
            return Err(CaError::Key("accounts are signed for with ECDSA P-256 keys only".to_owned()));
        }
        let directory = server.directory().await?.document.clone();
        let last = Arc::default();
        let http = Http { transport: server.transport().clone(), directory, last: Arc::clone(&last) };
        let account = instant_acme::Account::builder_with_http(Box::new(http))
            .from_parts(
                account.url.clone(),
                PrivatePkcs8KeyDer::from(account.key.pkcs8()),
                account.directory.url.clone(),
            )
            .await
            .map_err(error)?;
        Ok(Self { account, last })
    }

    /// The response that the call ended with. What the library made of it does not count: it has neither `Retry-After`
    /// nor `Location`.
    pub(super) fn reply<T>(&self, result: Result<T, Error>) -> Result<Reply, CaError> {
        match (self.last.lock().take(), result) {
            (Some(reply), _) => Ok(reply),
            (None, Err(problem)) => Err(error(problem)),
            (None, Ok(_)) => Err(CaError::Response("no answer".to_owned())),
        }
    }
}

/// The HTTP client of one call.
struct Http {
    transport: Transport,
    /// The server's directory, for which the library asks first.
    directory: Bytes,
    /// The response of the last exchange, if it was no error.
    last: Arc<Mutex<Option<Reply>>>,
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (transport, last) = (self.transport.clone(), Arc::clone(&self.last));
        let known = (request.method() == Method::GET).then(|| Response::new(Full::new(self.directory.clone())));
        Box::pin(async move {
            match known {
                Some(directory) => Ok(directory.into()),
                None => exchange(&transport, request, &last).await.map_err(|error| Error::Other(Box::new(error))),
            }
        })
    }
}

async fn exchange(
    transport: &Transport,
    request: Request<BodyWrapper<Bytes>>,
    last: &Mutex<Option<Reply>>,
) -> Result<BytesResponse, CaError> {
    *last.lock() = None;
    if request.method() == Method::HEAD {
        // The library asks for a nonce before most requests: it gets one that came with an earlier response.
        return Ok(transport.nonce_reply(&request.uri().to_string()).await?.into());
    }
    let (parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(never) => match never {},
    };
    let reply = transport.exchange(Request::from_parts(parts, Full::new(body))).await?;
    let status = reply.parts.status;
    if status.as_u16() >= 400 {
        let error = failure(&reply);
        // The library itself retries after a rejected nonce and needs this response for it.
        if !(status == StatusCode::BAD_REQUEST && error.is("badNonce")) {
            return Err(error);
        }
    } else {
        *last.lock() = Some(reply.clone());
    }
    Ok(Response::from_parts(reply.parts, Full::new(reply.body)).into())
}

/// Converts an error of the library to ours.
pub(super) fn error(error: Error) -> CaError {
    match error {
        Error::Api(problem) => CaError::Refused(Problem {
            status: problem.status.unwrap_or(400),
            kind: problem.r#type.unwrap_or_default(),
            detail: problem.detail.unwrap_or_default(),
            ..Problem::default()
        }),
        Error::Other(other) => match other.downcast::<CaError>() {
            Ok(ours) => *ours,
            Err(other) => CaError::Response(other.to_string()),
        },
        Error::KeyRejected | Error::Crypto => CaError::Key(error.to_string()),
        other => CaError::Response(other.to_string()),
    }
}
