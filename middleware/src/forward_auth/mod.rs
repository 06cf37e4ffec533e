//! Asks a server whether a request may pass (`forwardAuth`).

mod auth_request;
mod cookie;
mod denied;
#[cfg(test)]
mod tests;

use crate::body::is_malformed;
use crate::flow::Flow;
use crate::pattern::{self, Pattern};
use crate::{Body, Exchange, Fetch, MiddlewareError, RequestContext, login, response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use flow_model::diagnostic::causes;
use flow_model::middleware as spec;
use flow_model::middleware::ClientTls;
use flow_model::name::Name;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use cookie::SetCookie;

/// Traefik's timeout for the whole exchange with the server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Lets an authentication server decide.
#[derive(Debug)]
pub struct ForwardAuth {
    name: Name,
    address: Uri,
    /// Made from the user and password in the address.
    authorization: Option<HeaderValue>,
    url: url::Url,
    tls: Option<Arc<ClientTls>>,
    trust: Option<bool>,
    /// Empty means all.
    request_headers: Vec<HeaderName>,
    response_headers: Vec<HeaderName>,
    response_headers_pattern: Option<Pattern>,
    cookies: Vec<String>,
    user_header: Option<HeaderName>,
    forward_body: bool,
    max_body: Option<u64>,
    max_response_body: Option<u64>,
    preserve_location: bool,
    preserve_method: bool,
    signin_url: String,
}

/// The reason why a body was not read to its end.
enum Unread {
    Failed,
    /// Its framing is wrong.
    Malformed,
    TooLarge,
}

impl ForwardAuth {
    pub(crate) fn new(spec: &spec::ForwardAuth, name: &Name) -> Result<Self, MiddlewareError> {
        let address = || MiddlewareError::Address(spec.address.clone());
        let mut url = url::Url::parse(&spec.address).map_err(|_| address())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(address());
        }
        let authorization = authorization(&url);
        let uri = if authorization.is_none() && url.fragment().is_none() {
            // As written: parsing drops the scheme's default port, which Go's `Host` keeps.
            spec.address.parse()
        } else {
            url.set_fragment(None);
            url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| address())?;
            url.as_str().parse()
        };
        let uri: Uri = uri.or_else(|_| url.as_str().parse()).map_err(|_| address())?;
        let pattern = &spec.auth_response_headers_regex;
        let mut request_headers = names(&spec.auth_request_headers)?;
        if spec.trust_forward_header == Some(true) && !request_headers.is_empty() {
            request_headers.extend(auth_request::FORWARDED);
        }
        Ok(Self {
            name: Name::clone(name),
            address: uri,
            authorization,
            url,
            tls: spec.tls.clone().map(Arc::new),
            trust: spec.trust_forward_header,
            request_headers,
            response_headers: names(&spec.auth_response_headers)?,
            response_headers_pattern: (!pattern.is_empty()).then(|| pattern::compile(pattern)).transpose()?,
            cookies: spec.add_auth_cookies_to_response.clone(),
            user_header: login::header_field(&spec.header_field)?,
            forward_body: spec.forward_body,
            max_body: limit(spec.max_body_size),
            max_response_body: limit(spec.max_response_body_size),
            preserve_location: spec.preserve_location_header,
            preserve_method: spec.preserve_request_method,
            signin_url: spec.auth_signin_url.clone(),
        })
    }

    pub(crate) async fn on_request(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
    ) -> Flow<Vec<SetCookie>> {
        match self.ask(exchange, context.fetch).await {
            Ok(auth_response) => self.judge(exchange, context, auth_response),
            Err(response) => Flow::Respond(response),
        }
    }

    pub(crate) fn on_response(&self, theirs: &[SetCookie], response: &mut Response<Body>) {
        cookie::merge(&self.cookies, theirs, response.headers_mut());
    }

    /// The server's whole response.
    async fn ask(&self, exchange: &mut Exchange, fetch: &dyn Fetch) -> Result<Response<Bytes>, Box<Response<Body>>> {
        let failed = |status| Box::new(response::empty(status));
        let body = self.body(exchange).await.map_err(|unread| {
            failed(match unread {
                Unread::Failed => StatusCode::INTERNAL_SERVER_ERROR,
                Unread::Malformed => StatusCode::BAD_REQUEST,
                Unread::TooLarge => StatusCode::UNAUTHORIZED,
            })
        })?;
        let request = self.auth_request(exchange, body);
        let is_head = request.method() == Method::HEAD;
        let received = async {
            let response = fetch.fetch(request, self.tls.as_ref(), TIMEOUT).await.map_err(|error| {
                tracing::debug!(error = causes(&error), middleware = %self.name, "cannot ask the authentication server");
                failed(StatusCode::INTERNAL_SERVER_ERROR)
            })?;
            let (head, body) = response.into_parts();
            let body = if is_head { Ok(Bytes::new()) } else { read(body, self.max_response_body).await };
            let body = body.map_err(|unread| {
                failed(match unread {
                    Unread::Failed | Unread::Malformed => StatusCode::INTERNAL_SERVER_ERROR,
                    Unread::TooLarge => StatusCode::UNAUTHORIZED,
                })
            })?;
            Ok(Response::from_parts(head, body))
        };
        match tokio::time::timeout(TIMEOUT, received).await {
            Ok(result) => result,
            Err(_) => Err(failed(StatusCode::INTERNAL_SERVER_ERROR)),
        }
    }

    /// The request's body, read and put back, if the server gets it too.
    async fn body(&self, exchange: &mut Exchange) -> Result<Bytes, Unread> {
        // The bytes after a CONNECT are a tunnel's data.
        let is_tunnel = exchange.head.method == Method::CONNECT && exchange.body.size_hint().exact().is_none();
        if !self.forward_body || is_tunnel || exchange.body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let body = read(std::mem::take(&mut exchange.body), self.max_body).await?;
        exchange.body = Body::from(body.clone());
        Ok(body)
    }

    fn auth_request(&self, exchange: &Exchange, body: Bytes) -> Request<Body> {
        let mut request = Request::new(Body::Empty);
        if self.preserve_method {
            request.method_mut().clone_from(&exchange.head.method);
        }
        *request.uri_mut() = self.address.clone();
        *request.headers_mut() = auth_request::headers(exchange, self.trust, &self.request_headers);
        if let Some(authorization) = &self.authorization {
            request.headers_mut().entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        auth_request::describe_body(&mut request, body.len());
        *request.body_mut() = Body::from(body);
        request
    }

    fn judge(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        auth_response: Response<Bytes>,
    ) -> Flow<Vec<SetCookie>> {
        if let Some(user) = self.user_header.as_ref().and_then(|name| auth_response.headers().get(name)) {
            *context.user = Some(String::from_utf8_lossy(user.as_bytes()).into());
        }
        if auth_response.status() == StatusCode::UNAUTHORIZED && !self.signin_url.is_empty() {
            return Flow::respond(denied::sign_in(exchange, &self.signin_url));
        }
        if !auth_response.status().is_success() {
            let base = (!self.preserve_location).then_some(&self.url);
            return Flow::respond(denied::refusal(auth_response, base));
        }
        self.copy_headers(&mut exchange.head.headers, auth_response.headers());
        match cookie::all(auth_response.headers()) {
            cookies if cookies.is_empty() => Flow::Pass,
            cookies => Flow::Remember(cookies),
        }
    }

    /// Replaces the client's own headers by those that the server sent for the backend.
    fn copy_headers(&self, to: &mut HeaderMap, from: &HeaderMap) {
        let copy = |to: &mut HeaderMap, name: &HeaderName| {
            to.remove(name);
            for value in from.get_all(name) {
                to.append(name, value.clone());
            }
        };
        for name in &self.response_headers {
            copy(to, name);
        }
        if let Some(pattern) = &self.response_headers_pattern {
            let matches = |name: &&HeaderName| pattern.is_match(&auth_request::canonical(name));
            let forged: Vec<HeaderName> = to.keys().filter(matches).cloned().collect();
            for name in &forged {
                to.remove(name);
            }
            for name in from.keys().filter(matches) {
                copy(to, name);
            }
        }
    }
}

/// All of `body`, unless it is longer than `most` bytes.
async fn read(mut body: Body, most: Option<u64>) -> Result<Bytes, Unread> {
    let mut whole = BytesMut::new();
    let mut only = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| if is_malformed(&*error) { Unread::Malformed } else { Unread::Failed })?;
        let Ok(data) = frame.into_data() else { continue };
        if most.is_some_and(|most| (whole.len() + data.len()) as u64 > most) {
            return Err(Unread::TooLarge);
        }
        // A body of one chunk is not copied.
        if whole.is_empty() && only.is_none() && body.is_end_stream() {
            only = Some(data);
        } else {
            whole.extend_from_slice(&data);
        }
    }
    Ok(only.unwrap_or_else(|| whole.freeze()))
}

/// The `Authorization` for the user in a URL, which Go's client sends unless the request has its own.
fn authorization(url: &url::Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let [user, password] = [url.username(), url.password().unwrap_or_default()].map(crate::path::unescape);
    let pair = [&*user.ok()?, b":", &*password.ok()?].concat();
    HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()
}

fn limit(bytes: Option<i64>) -> Option<u64> {
    bytes.and_then(|bytes| u64::try_from(bytes).ok())
}

fn names(texts: &[String]) -> Result<Vec<HeaderName>, MiddlewareError> {
    texts.iter().map(|text| name_of(text)).collect()
}

fn name_of(text: &str) -> Result<HeaderName, MiddlewareError> {
    HeaderName::try_from(text).map_err(|_| MiddlewareError::HeaderName(text.to_owned()))
}
