//! Checks of request heads beyond hyper's own, and the one form in which handlers get heads.

use super::fields::{MAX_CRUMBS, MAX_FIELDS};
use flow_middleware::Body;
use flow_middleware::response::{empty, unread};
use http::header::{COOKIE, EXPECT, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};

/// The reason why a request is answered before any handler sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum HeadError {
    #[error("CONNECT is not served")]
    Connect,
    #[error("the request expects something other than 100-continue")]
    Expectation,
    #[error("the request's Host is malformed")]
    Host,
    #[error("the request names more than one host")]
    Hosts,
    #[error("the request's Host is missing")]
    NoHost,
    #[error("the request's target names a scheme or a host, and no path")]
    Opaque,
    #[error("OPTIONS * asks about the server itself")]
    Options,
    #[error("the request's target is malformed")]
    Target,
    #[error("the request has more than {MAX_FIELDS} header fields")]
    TooManyFields,
    #[error("the request has a transfer coding other than chunked")]
    TransferCoding,
}

impl HeadError {
    pub(super) fn response(self) -> Response<Body> {
        match self {
            Self::Connect => empty(StatusCode::NOT_IMPLEMENTED),
            Self::Expectation => empty(StatusCode::EXPECTATION_FAILED),
            // As in Traefik.
            Self::Opaque => empty(StatusCode::BAD_REQUEST),
            Self::TooManyFields => empty(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::TransferCoding => unread(StatusCode::NOT_IMPLEMENTED, "Unsupported transfer encoding"),
            Self::Host => unread(StatusCode::BAD_REQUEST, "400 Bad Request: malformed Host header"),
            Self::Hosts | Self::Target => unread(StatusCode::BAD_REQUEST, "400 Bad Request"),
            Self::NoHost => unread(StatusCode::BAD_REQUEST, "400 Bad Request: missing required Host header"),
            Self::Options => Response::new(Body::Empty),
        }
    }

    /// True if the client may disagree with us about more than this request, such as where it ends.
    pub(super) fn ends_connection(self) -> bool {
        self != Self::Options
    }
}

/// Checks the head and normalizes it: exactly one `Host`, and a URI of path and query alone.
pub(super) fn normalize<B>(request: &mut Request<B>) -> Result<(), HeadError> {
    if has_too_many_fields(request.headers()) {
        return Err(HeadError::TooManyFields);
    }
    if request.method() == Method::CONNECT {
        return Err(HeadError::Connect);
    }
    if let Some(coding) = request.headers().get(TRANSFER_ENCODING)
        && !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
    {
        return Err(HeadError::TransferCoding);
    }
    let is_named = check_host(request.headers(), request.version())?;
    // Origin form, the common case: just a path.
    if request.uri().authority().is_some() || request.uri().scheme().is_some() {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        normalize_authority(parts.authority.take(), parts.scheme.take(), request.headers_mut())?;
        let target = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(target);
    } else if request.version() != Version::HTTP_10 && !request.headers().contains_key(HOST) {
        return Err(HeadError::NoHost);
    }
    if !is_named {
        request.headers_mut().remove(HOST);
    }
    let is_options = match request.uri().path() {
        path if path.starts_with('/') => false,
        "*" if request.method() == Method::OPTIONS => true,
        _ => return Err(HeadError::Target),
    };
    if request.version() < Version::HTTP_2 && expects_the_unknown(request.headers()) {
        return Err(HeadError::Expectation);
    }
    if is_options { Err(HeadError::Options) } else { Ok(()) }
}

/// True if there are more than HTTP/1.1 allows. Over HTTP/2 the crumbs of a cookie count as one field, up to a limit of
/// their own (RFC 9113 section 8.2.3).
fn has_too_many_fields(headers: &HeaderMap) -> bool {
    if headers.len() <= MAX_FIELDS {
        return false;
    }
    let crumbs = headers.get_all(COOKIE).iter().count();
    crumbs > MAX_CRUMBS || headers.len() - crumbs.saturating_sub(1) > MAX_FIELDS
}

/// The size of a head in the connection's sum, in bytes: RFC 9113 section 6.5.2.
pub(super) fn size<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum::<usize>() + target
}

/// True for an expectation that we cannot meet (RFC 9110 section 10.1.1). As in Traefik the first line counts, and
/// `100-continue` may be one of several words.
fn expects_the_unknown(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|expected| {
        let mut words = expected.as_bytes().split(|byte| b" ,\t".contains(byte));
        !expected.is_empty() && !words.any(|word| word.eq_ignore_ascii_case(b"100-continue"))
    })
}

/// Allows at most one, and only characters of a host and port (RFC 9112 section 3.2). False if it is empty, true if
/// HTTP/1.0 or HTTP/2 sends none.
fn check_host(headers: &HeaderMap, version: Version) -> Result<bool, HeadError> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.as_bytes().iter().copied().all(is_host_byte) => Ok(!host.is_empty()),
        (None, _) if version != Version::HTTP_11 => Ok(true),
        (None, _) => Err(HeadError::NoHost),
        (Some(_), None) => Err(HeadError::Host),
        (Some(_), Some(_)) => Err(HeadError::Hosts),
    }
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b':'
                | b'['
                | b']'
                | b'_'
                | b'~'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

/// The authority of an absolute-form target or of HTTP/2 becomes `Host`; a different `Host` is refused, as other
/// proxies may have used that one (RFC 9112 section 3.2.2, RFC 9113 section 8.3.1).
fn normalize_authority(
    authority: Option<Authority>,
    scheme: Option<Scheme>,
    headers: &mut HeaderMap,
) -> Result<(), HeadError> {
    let Some(authority) = authority else { return Err(HeadError::NoHost) };
    // Without `//` it is authority-form, which only CONNECT may use, or an opaque URI.
    let Some(scheme) = scheme else { return Err(HeadError::Opaque) };
    if (scheme != Scheme::HTTP && scheme != Scheme::HTTPS) || !authority.as_str().bytes().all(is_host_byte) {
        return Err(HeadError::Target);
    }
    match headers.get(HOST) {
        Some(host) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => Ok(()),
        Some(_) => Err(HeadError::Hosts),
        None => {
            let host = HeaderValue::from_str(authority.as_str()).map_err(|_| HeadError::Target)?;
            headers.insert(HOST, host);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn normalized(version: Version, method: &str, target: &str, hosts: &[&str]) -> Result<(String, String), HeadError> {
        let mut request = Request::builder().version(version).method(method).uri(target).body(()).unwrap();
        for host in hosts {
            request.headers_mut().append(HOST, host.parse().unwrap());
        }
        normalize(&mut request)?;
        let host = request.headers().get(HOST).map_or("", |host| host.to_str().unwrap());
        Ok((request.uri().to_string(), host.to_owned()))
    }

    #[test]
    fn one_form_for_all() {
        let wanted = Ok(("/x?y".to_owned(), "a.test:81".to_owned()));
        assert_eq!(normalized(Version::HTTP_11, "GET", "/x?y", &["a.test:81"]), wanted);
        assert_eq!(normalized(Version::HTTP_11, "GET", "http://a.test:81/x?y", &["a.test:81"]), wanted);
        assert_eq!(normalized(Version::HTTP_10, "GET", "http://a.test:81/x?y", &[]), wanted);
        assert_eq!(normalized(Version::HTTP_2, "GET", "https://a.test:81/x?y", &[]), wanted);
        assert_eq!(normalized(Version::HTTP_2, "GET", "https://a.test:81/x?y", &["A.test:81"]).unwrap().0, "/x?y");
        assert_eq!(normalized(Version::HTTP_10, "GET", "/", &[]), Ok(("/".to_owned(), String::new())));
        let mut nameless = Request::builder().uri("/").header(HOST, "").body(()).unwrap();
        assert_eq!(normalize(&mut nameless), Ok(()));
        assert!(!nameless.headers().contains_key(HOST), "a backend gets a name of its own");
        assert_eq!(normalized(Version::HTTP_11, "GET", "http://a.test", &["a.test"]).unwrap().0, "/");
    }

    #[test]
    fn what_two_could_read_differently_is_refused() {
        use Version as V;
        for (version, target, hosts, wanted) in [
            (V::HTTP_11, "/", [].as_slice(), HeadError::NoHost),
            (V::HTTP_11, "/", &["a.test", "a.test"], HeadError::Hosts),
            (V::HTTP_11, "/", &["a.test/x"], HeadError::Host),
            (V::HTTP_11, "/", &["u@a.test"], HeadError::Host),
            (V::HTTP_11, "http://a.test/", &["b.test"], HeadError::Hosts),
            (V::HTTP_10, "/", &["a.test", "b.test"], HeadError::Hosts),
            (V::HTTP_2, "https://a.test/", &["b.test"], HeadError::Hosts),
            (V::HTTP_2, "/", &[], HeadError::NoHost),
        ] {
            assert_eq!(normalized(version, "GET", target, hosts), Err(wanted), "{target} {hosts:?}");
        }
        for (method, target) in [("GET", "*"), ("GET", "ftp://a.test/"), ("GET", "http://u:p@a.test/")] {
            let refused = normalized(V::HTTP_11, method, target, &["a.test"]);
            assert_eq!(refused, Err(HeadError::Target), "{target}");
        }
        for target in ["a.test:80", "http:a.test"] {
            assert_eq!(normalized(V::HTTP_11, "GET", target, &["a.test"]), Err(HeadError::Opaque), "{target}");
        }
    }

    #[test]
    fn methods_about_no_resource_are_answered_here() {
        assert_eq!(normalized(Version::HTTP_11, "CONNECT", "a.test:80", &["a.test"]), Err(HeadError::Connect));
        assert_eq!(normalized(Version::HTTP_11, "OPTIONS", "*", &["a.test"]), Err(HeadError::Options));
        assert_eq!(HeadError::Connect.response().status(), 501);
        assert_eq!(HeadError::Options.response().status(), 200);
    }

    #[test]
    fn only_a_continue_can_be_expected() {
        let normalized = |version, method, target, expected: &[&'static str]| {
            let mut request = Request::builder().version(version).method(method).uri(target).header(HOST, "a");
            for line in expected {
                request = request.header(EXPECT, *line);
            }
            normalize(&mut request.body(()).unwrap())
        };
        use Version as V;
        for met in [[""].as_slice(), &["100-Continue"], &["x, 100-continue"], &["100-continue", "x"]] {
            assert_eq!(normalized(V::HTTP_11, "POST", "/", met), Ok(()), "{met:?}");
        }
        for unmet in [["x"].as_slice(), &["100-continued"], &["x", "100-continue"]] {
            assert_eq!(normalized(V::HTTP_11, "POST", "/", unmet), Err(HeadError::Expectation), "{unmet:?}");
        }
        assert_eq!(normalized(V::HTTP_10, "GET", "/", &["x"]), Err(HeadError::Expectation));
        assert_eq!(normalized(V::HTTP_11, "OPTIONS", "*", &["x"]), Err(HeadError::Expectation));
        assert_eq!(normalized(V::HTTP_11, "GET", "*", &["x"]), Err(HeadError::Target));
        assert_eq!(normalized(V::HTTP_2, "GET", "/", &["x"]), Ok(()));
    }

    #[test]
    fn fields_are_limited_and_crumbs_of_a_cookie_are_one() {
        let normalized = |others: usize, crumbs: usize| {
            let mut request = Request::builder().uri("/").header(HOST, "a");
            for number in 1..others {
                request = request.header(format!("x-{}", number % 50), "");
            }
            for _ in 0..crumbs {
                request = request.header(COOKIE, "a=b");
            }
            normalize(&mut request.body(()).unwrap())
        };
        for (others, crumbs) in [(100, 0), (99, 1), (99, 200), (1, 200)] {
            assert_eq!(normalized(others, crumbs), Ok(()), "{others} {crumbs}");
        }
        for (others, crumbs) in [(101, 0), (100, 1), (100, 2), (1, 201), (300, 0)] {
            assert_eq!(normalized(others, crumbs), Err(HeadError::TooManyFields), "{others} {crumbs}");
        }
    }

    #[test]
    fn only_plain_chunks() {
        let mut request =
            Request::builder().header(TRANSFER_ENCODING, "gzip, chunked").header(HOST, "a").body(()).unwrap();
        assert_eq!(normalize(&mut request), Err(HeadError::TransferCoding));
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("Chunked"));
        assert_eq!(normalize(&mut request), Ok(()));
    }
}
