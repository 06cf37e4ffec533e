//! Custom headers.

use super::{name, value};
use crate::exchange::OmitForwardedFor;
use crate::{Exchange, MiddlewareError};
use flow_model::middleware as spec;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use std::collections::BTreeMap;

/// Headers to set and to delete.
#[derive(Debug)]
pub(super) struct Custom {
    request: Changes,
    response: Changes,
    /// The backend gets no `X-Forwarded-For`, not even the one that the proxy adds.
    omit_forwarded_for: bool,
}

#[derive(Debug)]
struct Changes {
    set: Vec<(HeaderName, HeaderValue)>,
    delete: Vec<HeaderName>,
}

impl Custom {
    pub(super) fn new(spec: &spec::Headers) -> Result<Self, MiddlewareError> {
        let mut request = Changes::new(&spec.custom_request_headers)?;
        // A request always has a host, which Go keeps apart from the headers.
        request.delete.retain(|name| name != HOST && name != CONTENT_LENGTH);
        Ok(Self {
            request,
            response: Changes::new(&spec.custom_response_headers)?,
            omit_forwarded_for: spec.custom_request_headers.get("X-Forwarded-For").is_some_and(String::is_empty),
        })
    }

    pub(super) fn on_request(&self, exchange: &mut Exchange) {
        self.request.apply(&mut exchange.head.headers);
        if self.omit_forwarded_for {
            exchange.head.extensions.insert(OmitForwardedFor);
        }
    }

    pub(super) fn on_response(&self, headers: &mut HeaderMap) {
        self.response.apply(headers);
    }
}

impl Changes {
    fn new(headers: &BTreeMap<String, String>) -> Result<Self, MiddlewareError> {
        let mut changes = Self { set: Vec::new(), delete: Vec::new() };
        for (header, text) in headers {
            let name = name(header)?;
            if text.is_empty() {
                changes.delete.push(name);
            } else if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
                // A configuration must not change where a message ends; Go ignores these headers too.
                changes.set.push((name, value(text)?));
            }
        }
        Ok(changes)
    }

    fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.delete {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
    }
}
