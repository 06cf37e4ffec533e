//! Middlewares that redirect the client.

mod location;
mod regex;
mod scheme;

pub use regex::RedirectRegex;
pub use scheme::RedirectScheme;
pub(crate) use scheme::scheme;

use crate::flow::Flow;
use crate::{Exchange, response};
use http::header::{HeaderValue, LOCATION};
use http::{Method, StatusCode};

/// Redirects to `url` if that differs from `old`; the method stays for all but GET.
fn redirect(exchange: &Exchange, old: &str, url: &str, permanent: bool) -> Flow {
    if url == old {
        return Flow::Pass;
    }
    let Some(location) = location::encoded(url).and_then(|url| HeaderValue::from_str(&url).ok()) else {
        return Flow::respond(response::status_text(StatusCode::BAD_GATEWAY));
    };
    let status = match (permanent, exchange.head.method == Method::GET) {
        (false, true) => StatusCode::FOUND,
        (false, false) => StatusCode::TEMPORARY_REDIRECT,
        (true, true) => StatusCode::MOVED_PERMANENTLY,
        (true, false) => StatusCode::PERMANENT_REDIRECT,
    };
    let mut response = response::status_text(status);
    response.headers_mut().insert(LOCATION, location);
    Flow::respond(response)
}
