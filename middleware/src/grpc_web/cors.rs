//! The treatment of origins: all methods that a call needs and all headers are allowed, with credentials.

use crate::{Body, response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Response, StatusCode};

/// The time for which a browser may keep an answer, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The origins whose scripts may make calls.
#[derive(Debug)]
pub(super) struct Cors {
    origins: Vec<String>,
    any: bool,
}

impl Cors {
    pub(super) fn new(origins: &[String]) -> Self {
        Self { origins: origins.to_vec(), any: origins.iter().any(|origin| origin == "*") }
    }

    /// The response to a browser's question; `None` if the request is none.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Body>> {
        let asked = headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|asked| !asked.is_empty())?;
        if method != Method::OPTIONS {
            return None;
        }
        let mut response = response::empty(StatusCode::OK);
        let answer = response.headers_mut();
        for by in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
            answer.append(VARY, HeaderValue::from_static(by));
        }
        let asked = Method::from_bytes(asked.as_bytes().to_ascii_uppercase().as_slice()).unwrap_or_default();
        if let Some(origin) = self.origin(headers)
            && is_allowed(&asked)
            && let Ok(asked) = HeaderValue::try_from(asked.as_str())
        {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, asked);
            if let Some(names) = names(headers) {
                answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
            }
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
        Some(response)
    }

    /// The origin of a call, if its script may read the response.
    pub(super) fn allowed(&self, method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
        self.origin(headers).filter(|_| is_allowed(method) || method == Method::OPTIONS)
    }

    /// Says in the response to a call that the script of `origin` may read it.
    pub(super) fn mark(origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
    }

    fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN).filter(|origin| !origin.is_empty())?;
        let is_listed = || self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
        (self.any || is_listed()).then(|| origin.clone())
    }
}

fn is_allowed(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::POST)
}

/// The headers that a browser asks for, each spelled as headers are.
fn names(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS)?.to_str().ok()?;
    let names = asked.split([',', ' ']).filter(|name| !name.is_empty()).map(title);
    let names: Vec<_> = names.collect();
    HeaderValue::try_from(names.join(", ")).ok().filter(|_| !names.is_empty())
}

fn title(name: &str) -> String {
    let mut after_hyphen = true;
    let spelled = name.chars().map(|c| {
        let c = if after_hyphen { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        after_hyphen = c == '-';
        c
    });
    spelled.collect()
}
