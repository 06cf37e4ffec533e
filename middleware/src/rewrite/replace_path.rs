use super::{append, go_on};
use crate::flow::Flow;
use crate::pattern::{self, Pattern, Replacement};
use crate::{Exchange, MiddlewareError, path, response};
use flow_model::middleware as spec;
use http::StatusCode;
use http::header::HeaderName;

const REPLACED_PATH: HeaderName = HeaderName::from_static("x-replaced-path");

/// Replaces the path.
#[derive(Debug)]
pub struct ReplacePath {
    /// The escaped path, or its error: Traefik reports it at the first request.
    path: Result<String, path::BadEscape>,
}

/// Replaces the path by a regular expression on the escaped one.
#[derive(Debug)]
pub struct ReplacePathRegex {
    pattern: Pattern,
    replacement: Replacement,
}

impl ReplacePath {
    pub(crate) fn new(spec: &spec::ReplacePath) -> Self {
        Self { path: path::sent(&spec.path).map(std::borrow::Cow::into_owned) }
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let old = path::current(exchange).to_owned();
        append(exchange, REPLACED_PATH, old.as_bytes());
        match &self.path {
            Ok(path) => path::replace(exchange, path),
            Err(error) => return broken(error),
        }
        Flow::Pass
    }
}

impl ReplacePathRegex {
    pub(crate) fn new(spec: &spec::ReplacePathRegex) -> Result<Self, MiddlewareError> {
        Ok(Self {
            pattern: pattern::compile(spec.regex.trim())?,
            replacement: Replacement::new(spec.replacement.trim())?,
        })
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let old = path::current(exchange);
        if !self.pattern.is_match(old) {
            return Flow::Pass;
        }
        let Some(new) = self.replacement.replace_all(&self.pattern, old) else {
            return Flow::respond(response::http_error(StatusCode::INTERNAL_SERVER_ERROR, "the new path is too long"));
        };
        let old = old.to_owned();
        append(exchange, REPLACED_PATH, old.as_bytes());
        match path::sent(&new) {
            Ok(path) => go_on(exchange, &path),
            Err(error) => broken(&error),
        }
    }
}

fn broken(error: &path::BadEscape) -> Flow {
    Flow::respond(response::http_error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
}
