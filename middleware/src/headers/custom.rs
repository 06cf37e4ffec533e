//! Custom headers.

use super::{name, value};
use crate::exchange::OmitForwardedFor;
use crate::{Exchange, MiddlewareError};
use flow_model::middleware as spec;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};

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
    set: Box<[(HeaderName, HeaderValue)]>,
    delete: Box<[HeaderName]>,
}

impl Custom {
    pub(super) fn new(spec: &spec::Headers) -> Result<Self, MiddlewareError> {
        Ok(Self {
            // A request always has a host, which Go keeps apart from the headers.
            request: Changes::new(&spec.custom_request_headers, |name| name != HOST && name != CONTENT_LENGTH)?,
            response: Changes::new(&spec.custom_response_headers, |_| true)?,
            omit_forwarded_for: spec.custom_request_headers.get("X-Forwarded-For").is_some_and(str::is_empty),
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
    fn new(fields: &spec::HeaderFields, may_delete: fn(&HeaderName) -> bool) -> Result<Self, MiddlewareError> {
        let (mut set, mut delete) = (Vec::new(), Vec::new());
        for (header, text) in fields.iter() {
            let name = name(header)?;
            if text.is_empty() {
                if may_delete(&name) {
                    delete.push(name);
                }
            } else if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
                // A configuration must not change where a message ends; Go ignores these headers too.
                set.push((name, value(text)?));
            }
        }
        Ok(Self { set: set.into(), delete: delete.into() })
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
