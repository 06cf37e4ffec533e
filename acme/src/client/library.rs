//! The adapter between [`super::Client`] and the protocol library.

use super::transport::{Reply, Transport, failure};
use crate::ca::CaError;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{Account, AuthorizationStatus, BodyWrapper, BytesResponse, Error, HttpClient};
use std::cell::RefCell;
use std::pin::Pin;

tokio::task_local! {
    /// The URL whose response is wanted, and that response: the library drops headers and reads every body as JSON.
    static WANTED: RefCell<(String, Option<Reply>)>;
}

/// The HTTP client that the library uses.
pub(super) struct Http(pub(super) Transport);

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let transport = self.0.clone();
        Box::pin(async move { exchange(&transport, request).await.map_err(|error| Error::Other(Box::new(error))) })
    }
}

async fn exchange(transport: &Transport, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, CaError> {
    let url = request.uri().to_string();
    if request.method() == Method::HEAD {
        // The library asks for a nonce before every request: it gets one that came with an earlier response.
        return Ok(transport.nonce_reply(&url).await?.into());
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
        let _ = WANTED.try_with(|wanted| {
            let mut wanted = wanted.borrow_mut();
            if wanted.0 == url {
                wanted.1 = Some(reply.clone());
            }
        });
    }
    Ok(Response::from_parts(reply.parts, Full::new(reply.body)).into())
}

/// Converts an error of the library to ours.
pub(super) fn error(error: Error) -> CaError {
    match error {
        Error::Api(problem) => CaError::Refused(crate::ca::Problem {
            status: problem.status.unwrap_or(400),
            kind: problem.r#type.unwrap_or_default(),
            detail: problem.detail.unwrap_or_default(),
            ..crate::ca::Problem::default()
        }),
        Error::Other(other) => match other.downcast::<CaError>() {
            Ok(ours) => *ours,
            Err(other) => CaError::Response(other.to_string()),
        },
        Error::KeyRejected | Error::Crypto => CaError::Key(error.to_string()),
        other => CaError::Response(other.to_string()),
    }
}

/// Runs a call of the library and returns the response from `url`, whatever the library made of it.
pub(super) async fn capture<T>(url: &str, call: impl Future<Output = Result<T, Error>>) -> Result<Reply, CaError> {
    let (result, reply) = WANTED
        .scope(RefCell::new((url.to_owned(), None)), async {
            let result = call.await;
            let reply = WANTED.with(|wanted| wanted.borrow_mut().1.take());
            (result, reply)
        })
        .await;
    match (reply, result) {
        (Some(reply), _) => Ok(reply),
        (None, Err(problem)) => Err(error(problem)),
        (None, Ok(_)) => Err(CaError::Response(format!("no answer from {url}"))),
    }
}

/// POST-as-GET of any URL. The library offers it for orders; only the response is used.
pub(super) async fn fetch(account: &Account, url: &str) -> Result<Reply, CaError> {
    capture(url, account.order(url.to_owned())).await
}

/// Tells the CA that a challenge of an order is ready. Does nothing if its authorization is no longer pending.
pub(super) async fn accept(account: &Account, order: &str, challenge: &str) -> Result<(), CaError> {
    let mut order = account.order(order.to_owned()).await.map_err(error)?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(error)?;
        let kind = authorization.challenges.iter().find(|c| c.url == challenge).map(|c| c.r#type.clone());
        let Some(kind) = kind else { continue };
        if authorization.status != AuthorizationStatus::Pending {
            return Ok(());
        }
        if let Some(mut handle) = authorization.challenge(kind) {
            return handle.set_ready().await.map_err(error);
        }
    }
    Err(CaError::Response(format!("the order has no challenge {challenge}")))
}

/// Submits a signing request.
pub(super) async fn finalize(account: &Account, order: &str, finalize: &str, csr: &[u8]) -> Result<Reply, CaError> {
    let mut order = account.order(order.to_owned()).await.map_err(error)?;
    capture(finalize, order.finalize_csr(csr)).await
}
