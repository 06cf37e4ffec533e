//! The place that a health check asks.

use flow_model::config::HealthCheck;
use http::Uri;
use url::Url;

/// A URL in the parts that a request needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Location {
    /// `http`, `https` or `h2c`.
    pub(super) scheme: String,
    /// Host and port, as the URL has them.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
}

impl Location {
    /// The place that `check` asks at `server`, a URL. `None` if the path is that of another server.
    pub(super) fn new(server: &str, check: &HealthCheck) -> Option<Self> {
        let uri: Uri = server.parse().ok()?;
        let host = uri.host()?;
        let port = if check.port == 0 { uri.port_u16() } else { Some(check.port) };
        let scheme = if check.scheme.is_empty() { uri.scheme_str()? } else { &check.scheme };
        let base = Url::parse(&format!("http://server.invalid{}", uri.path())).ok()?;
        let url = base.join(&check.path).ok()?;
        if url.host_str() != base.host_str() || Url::parse(&check.path).is_ok() {
            return None;
        }
        let authority = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Self { scheme: scheme.to_owned(), authority, target: target(&url) })
    }

    /// The place that a redirection from here leads to.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        let scheme = if self.scheme == "h2c" { "http" } else { &self.scheme };
        let base = Url::parse(&format!("{scheme}://{}{}", self.authority, self.target)).ok()?;
        let url = base.join(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let is_same = url.host_str() == base.host_str() && url.port_or_known_default() == base.port_or_known_default();
        if is_same && url.scheme() == scheme {
            return Some(Self { target: target(&url), ..self.clone() });
        }
        let host = url.host_str()?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Self { scheme: url.scheme().to_owned(), authority, target: target(&url) })
    }
}

/// Path and query.
fn target(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(scheme: &str, authority: &str, target: &str) -> Location {
        Location { scheme: scheme.to_owned(), authority: authority.to_owned(), target: target.to_owned() }
    }

    #[test]
    fn of_a_server_and_a_check() {
        for (server, check, expected) in [
            ("http://10.0.0.1:8080", r#"{"path": "/up?a=b"}"#, at("http", "10.0.0.1:8080", "/up?a=b")),
            ("http://10.0.0.1:8080", r#"{}"#, at("http", "10.0.0.1:8080", "/")),
            ("http://10.0.0.1", r#"{"path": "up", "port": 81}"#, at("http", "10.0.0.1:81", "/up")),
            ("http://a.test:80/base/x", r#"{"path": "/up"}"#, at("http", "a.test:80", "/up")),
            ("http://a.test:80/base/x", r#"{"path": "up"}"#, at("http", "a.test:80", "/base/up")),
            ("h2c://[::1]:80", r#"{"path": "/up", "scheme": "https", "port": 443}"#, at("https", "[::1]:443", "/up")),
            ("h2c://a.test", r#"{"path": "/up"}"#, at("h2c", "a.test", "/up")),
        ] {
            assert_eq!(
                Location::new(server, &serde_json::from_str(check).unwrap()),
                Some(expected),
                "{server} {check}"
            );
        }
    }

    #[test]
    fn of_a_redirection() {
        for (from, location, expected) in [
            (at("h2c", "a.test", "/x/y"), "/z?q", Some(at("h2c", "a.test", "/z?q"))),
            (at("http", "a.test:80", "/x/y"), "z", Some(at("http", "a.test:80", "/x/z"))),
            (at("http", "a.test", "/"), "https://a.test/z", Some(at("https", "a.test", "/z"))),
            (at("https", "a.test", "/"), "//b.test:8443", Some(at("https", "b.test:8443", "/"))),
            (at("http", "a.test", "/"), "ftp://a.test/", None),
            (at("http", "a.test", "/"), "http://", None),
        ] {
            assert_eq!(from.redirected(location), expected, "{location}");
        }
    }
}
