//! The proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, by Go's rules (golang.org/x/net/http/httpproxy): which
//! server is reached through which of them is decided when the server's endpoint is built.

mod exceptions;
mod tunnel;

pub use tunnel::TunnelError;

pub(super) use tunnel::{ANSWER_TIMEOUT, open};

use super::endpoint::{Scheme, Target};
use super::tls::clients;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use exceptions::Exceptions;
use flow_model::config::ServersTransport;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use rustls_pki_types::ServerName;
use std::fmt;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use url::Url;

/// Proxies between this program and servers; the default is none.
#[derive(Debug, Default)]
pub struct OutboundProxies {
    http: Option<Arc<OutboundProxy>>,
    https: Option<Arc<OutboundProxy>>,
    exceptions: Exceptions,
}

/// A proxy that requests to servers go through.
pub struct OutboundProxy {
    pub(super) target: Target,
    /// Host and port.
    address: Box<str>,
    /// `Proxy-Authorization`, if the URL has a user.
    pub(super) authorization: Option<HeaderValue>,
    /// TLS towards the proxy itself, which the system's authorities vouch for, and its name.
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// The reason why a variable names no proxy that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OutboundProxyError {
    /// It is no URL; Go ignores it.
    #[error("{variable} is no URL, and is ignored")]
    Ignored {
        /// The variable's name.
        variable: &'static str,
    },
    /// Its scheme is neither `http` nor `https`.
    #[error("{variable} names a proxy of the scheme {scheme:?}; http:// and https:// are served")]
    Scheme {
        /// The variable's name.
        variable: &'static str,
        /// The scheme.
        scheme: String,
    },
}

impl OutboundProxies {
    /// Reads the variables, whose values `variable` returns; upper case comes before lower case, and what is empty says
    /// nothing. Each error concerns one of the proxies, which is left out.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> (Self, Vec<OutboundProxyError>) {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)))
        };
        let mut errors = Vec::new();
        let mut proxy = |names| {
            let (variable, value) = first(names)?;
            OutboundProxy::parse(variable, &value).map_err(|error| errors.push(error)).ok().map(Arc::new)
        };
        let (http, https) = (proxy(["HTTP_PROXY", "http_proxy"]), proxy(["HTTPS_PROXY", "https_proxy"]));
        let exceptions = first(["NO_PROXY", "no_proxy"]).map(|(_, value)| Exceptions::parse(&value));
        (Self { http, https, exceptions: exceptions.unwrap_or_default() }, errors)
    }

    /// The proxy for a server. HTTP/2 without TLS never goes through one: no proxy would pass it on.
    pub(super) fn for_server(&self, scheme: Scheme, host: &str, port: u16) -> Option<&Arc<OutboundProxy>> {
        let proxy = match scheme {
            Scheme::H2c => None,
            Scheme::Http => self.http.as_ref(),
            Scheme::Https => self.https.as_ref(),
        };
        proxy.filter(|_| !self.exceptions.contain(host, port))
    }

    /// The proxies by the scheme of servers.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &OutboundProxy)> {
        [("http", &self.http), ("https", &self.https)]
            .into_iter()
            .filter_map(|(scheme, proxy)| Some((scheme, &**proxy.as_ref()?)))
    }
}

impl OutboundProxy {
    fn parse(variable: &'static str, value: &str) -> Result<Self, OutboundProxyError> {
        let ignored = || OutboundProxyError::Ignored { variable };
        // `proxy.test:3128` would be a URL with the scheme `proxy.test`.
        let whole = |url: &Url| url.host_str().is_some_and(|host| !host.is_empty());
        let url = match Url::parse(value) {
            Ok(url) if whole(&url) => url,
            _ if value.contains("://") => return Err(ignored()),
            _ => Url::parse(&format!("http://{value}")).ok().filter(whole).ok_or_else(ignored)?,
        };
        let host = url.host_str().ok_or_else(ignored)?;
        let name = host.trim_matches(['[', ']']);
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let clients = clients(&ServersTransport::default(), &mut Vec::new()).map_err(|_| ignored())?;
                Some((clients.http1, ServerName::try_from(name.to_owned()).map_err(|_| ignored())?))
            }
            scheme => return Err(OutboundProxyError::Scheme { variable, scheme: scheme.to_owned() }),
        };
        let usual_port = if tls.is_some() { 443 } else { 80 };
        let port = url.port().unwrap_or(usual_port);
        let authorization = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let decoded = |text| percent_decode_str(text).collect::<Vec<u8>>();
                let credentials = [decoded(user), decoded(password.unwrap_or_default())].join(&b':');
                let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
                let mut value = HeaderValue::from_str(&value).map_err(|_| ignored())?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let address = format!("{host}:{port}").into();
        Ok(Self { target: Target::new(name, port), address, authorization, tls })
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Debug for OutboundProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutboundProxy").field(&self.address).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(variables: &[(&str, &str)]) -> (OutboundProxies, Vec<OutboundProxyError>) {
        OutboundProxies::read(|wanted| {
            variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        })
    }

    fn through(proxies: &OutboundProxies, scheme: Scheme) -> Option<&str> {
        proxies.for_server(scheme, "a.test", 80).map(|proxy| proxy.address())
    }

    #[test]
    fn each_scheme_has_its_variable_in_upper_or_lower_case() {
        let (both, errors) = read(&[("HTTP_PROXY", "http://one.test:3128/"), ("https_proxy", "two.test")]);
        assert_eq!(errors, []);
        assert_eq!(through(&both, Scheme::Http), Some("one.test:3128"));
        assert_eq!(through(&both, Scheme::Https), Some("two.test:80"));
        assert_eq!(through(&both, Scheme::H2c), None);
        let (upper, _) = read(&[("HTTP_PROXY", "upper.test"), ("http_proxy", "lower.test")]);
        assert_eq!(through(&upper, Scheme::Http), Some("upper.test:80"));
        assert_eq!(through(&upper, Scheme::Https), None, "HTTP_PROXY is for http alone");
        let (lower, _) = read(&[("HTTP_PROXY", ""), ("http_proxy", "lower.test"), ("ALL_PROXY", "all.test")]);
        assert_eq!(through(&lower, Scheme::Http), Some("lower.test:80"));
        assert_eq!(through(&lower, Scheme::Https), None, "Go does not know ALL_PROXY");
        let (cgi, _) = read(&[("HTTP_PROXY", "a.test:1"), ("NO_PROXY", "a.test"), ("no_proxy", "b.test")]);
        assert_eq!(through(&cgi, Scheme::Http), None);
    }

    #[test]
    fn proxies_are_urls_with_or_without_a_scheme() {
        for (value, address, authorization) in [
            ("http://proxy.test", "proxy.test:80", None),
            ("proxy.test:3128", "proxy.test:3128", None),
            ("10.0.0.1:3128", "10.0.0.1:3128", None),
            ("[2001:db8::1]:3128", "[2001:db8::1]:3128", None),
            ("http://anna:s%40cret@proxy.test:3128/x", "proxy.test:3128", Some("Basic YW5uYTpzQGNyZXQ=")),
            ("https://proxy.test", "proxy.test:443", None),
            ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443", None),
            ("anna:secret@proxy.test", "proxy.test:80", Some("Basic YW5uYTpzZWNyZXQ=")),
            ("http://anna@proxy.test", "proxy.test:80", Some("Basic YW5uYTo=")),
        ] {
            let proxy = OutboundProxy::parse("HTTP_PROXY", value).unwrap();
            assert_eq!(proxy.address(), address, "{value}");
            assert_eq!(proxy.authorization.as_ref().map(|v| v.to_str().unwrap()), authorization, "{value}");
            assert!(!format!("{proxy:?}").contains("anna"), "credentials are no part of a log");
        }
    }

    #[test]
    fn what_is_no_proxy_is_told() {
        let (variable, value) = ("HTTPS_PROXY", "socks5://proxy.test:1080");
        let scheme = |scheme: &str| OutboundProxyError::Scheme { variable, scheme: scheme.to_owned() };
        for (value, error) in [
            (value, scheme("socks5")),
            ("ftp://proxy.test", scheme("ftp")),
            ("http://", OutboundProxyError::Ignored { variable }),
            ("not a proxy", OutboundProxyError::Ignored { variable }),
            ("http://proxy.test:99999", OutboundProxyError::Ignored { variable }),
        ] {
            let (proxies, errors) = read(&[("HTTP_PROXY", "proxy.test"), (variable, value)]);
            assert_eq!(errors, [error], "{value}");
            assert_eq!((through(&proxies, Scheme::Https), through(&proxies, Scheme::Http).is_some()), (None, true));
        }
    }
}
