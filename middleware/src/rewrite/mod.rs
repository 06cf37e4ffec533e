//! Middlewares that change the request's path.

mod add_prefix;
mod replace_path;
mod strip_prefix;
#[cfg(test)]
mod tests;

pub use add_prefix::AddPrefix;
pub use replace_path::{ReplacePath, ReplacePathRegex};
pub use strip_prefix::{StripPrefix, StripPrefixRegex};

use crate::Exchange;
use crate::flow::Flow;
use crate::path;
use crate::response;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

/// Appends `value` under `name`, unless it is not a valid header value.
fn append(exchange: &mut Exchange, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        exchange.head.headers.append(name, value);
    }
}

/// Goes on with the escaped `path`, or refuses one that a backend might read differently (`..`, `.`, `//`).
fn go_on(exchange: &mut Exchange, path: &str) -> Flow {
    if !path::is_clean(path) {
        return Flow::respond(response::http_error(StatusCode::BAD_REQUEST, "Bad Request"));
    }
    path::replace(exchange, path);
    Flow::Pass
}
