//! Security headers and allowed hosts, as the Go library `unrolled/secure` has them.

use super::{line, name, value};
use crate::{Body, Exchange, MiddlewareError, response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flow_model::middleware as spec;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, HeaderName, HeaderValue, PUBLIC_KEY_PINS,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use http::{HeaderMap, Response, StatusCode};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Checks hosts and sets security headers.
#[derive(Debug)]
pub(super) struct Secure {
    allowed_hosts: Box<[String]>,
    host_headers: Vec<HeaderName>,
    tls_headers: Vec<(HeaderName, HeaderValue)>,
    always: Vec<(HeaderName, HeaderValue)>,
    /// Set only on TLS connections.
    over_tls: Vec<(HeaderName, HeaderValue)>,
    /// Policies with placeholders for a nonce: the texts between them.
    with_nonce: Vec<(HeaderName, Vec<String>)>,
}

/// The facts of the request that the response's headers depend on.
#[derive(Debug)]
pub(super) struct RequestFacts {
    tls: bool,
}

impl Secure {
    /// `None` if none of these options is configured.
    pub(super) fn new(spec: &spec::Headers) -> Result<Option<Self>, MiddlewareError> {
        if !is_set(spec) {
            return Ok(None);
        }
        let mut secure = Self {
            allowed_hosts: if spec.is_development { Box::default() } else { spec.allowed_hosts.clone() },
            host_headers: spec.hosts_proxy_headers.iter().map(|header| name(header)).collect::<Result<_, _>>()?,
            tls_headers: spec
                .ssl_proxy_headers
                .iter()
                .map(|(header, text)| Ok((name(header)?, value(text)?)))
                .collect::<Result<_, MiddlewareError>>()?,
            always: Vec::new(),
            over_tls: Vec::new(),
            with_nonce: Vec::new(),
        };
        if let Some(seconds) = spec.sts_seconds.filter(|seconds| *seconds != 0 && !spec.is_development) {
            let subdomains = if spec.sts_include_subdomains { "; includeSubDomains" } else { "" };
            let preload = if spec.sts_preload { "; preload" } else { "" };
            let policy = value(&format!("max-age={seconds}{subdomains}{preload}"))?;
            let list = if spec.force_sts_header { &mut secure.always } else { &mut secure.over_tls };
            list.push((STRICT_TRANSPORT_SECURITY, policy));
        }
        if !spec.public_key.is_empty() && !spec.is_development {
            secure.over_tls.push((PUBLIC_KEY_PINS, value(&spec.public_key)?));
        }
        let frame = custom_or(&spec.custom_frame_options_value, spec.frame_deny, "DENY");
        let nosniff = custom_or("", spec.content_type_nosniff, "nosniff");
        let xss = custom_or(&spec.custom_browser_xss_value, spec.browser_xss_filter, "1; mode=block");
        for (header, text) in [
            (X_FRAME_OPTIONS, frame),
            (X_CONTENT_TYPE_OPTIONS, nosniff),
            (X_XSS_PROTECTION, xss),
            (REFERRER_POLICY, &*spec.referrer_policy),
            (PERMISSIONS_POLICY, &*spec.permissions_policy),
        ] {
            if !text.is_empty() {
                secure.always.push((header, value(text)?));
            }
        }
        secure.policy(CONTENT_SECURITY_POLICY, &spec.content_security_policy)?;
        secure.policy(CONTENT_SECURITY_POLICY_REPORT_ONLY, &spec.content_security_policy_report_only)?;
        Ok(Some(secure))
    }

    fn policy(&mut self, header: HeaderName, policy: &str) -> Result<(), MiddlewareError> {
        if policy.contains("$NONCE") {
            value(policy)?;
            self.with_nonce.push((header, line(policy).split("$NONCE").map(ToOwned::to_owned).collect()));
        } else if !policy.is_empty() {
            self.always.push((header, value(policy)?));
        }
        Ok(())
    }

    /// # Errors
    /// The response to a request for a host that is not allowed.
    pub(super) fn on_request(&self, exchange: &Exchange) -> Result<RequestFacts, Box<Response<Body>>> {
        if !self.allowed_hosts.is_empty() {
            let headers = &exchange.head.headers;
            let named = self.host_headers.iter().filter_map(|name| headers.get(name)).find(|host| !host.is_empty());
            let host = named.map_or_else(|| exchange.host().as_bytes(), HeaderValue::as_bytes);
            if !self.allowed_hosts.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(host)) {
                return Err(Box::new(response::http_error(StatusCode::INTERNAL_SERVER_ERROR, "Bad Host")));
            }
        }
        Ok(RequestFacts { tls: !self.over_tls.is_empty() && self.is_tls(exchange) })
    }

    pub(super) fn on_response(&self, facts: RequestFacts, headers: &mut HeaderMap) {
        let over_tls = if facts.tls { &self.over_tls[..] } else { &[] };
        for (name, value) in self.always.iter().chain(over_tls) {
            headers.insert(name, value.clone());
        }
        if !self.with_nonce.is_empty() {
            let nonce = nonce();
            for (name, texts) in &self.with_nonce {
                if let Ok(policy) = HeaderValue::try_from(texts.join(&nonce)) {
                    headers.insert(name, policy);
                }
            }
        }
    }

    fn is_tls(&self, exchange: &Exchange) -> bool {
        let says_so = |(name, value): &(HeaderName, HeaderValue)| {
            exchange.head.headers.get(name).map_or(value.is_empty(), |said| said == value)
        };
        exchange.is_tls() || self.tls_headers.iter().any(says_so)
    }
}

/// One nonce for all policies of a response: `'nonce-` and 16 random bytes.
fn nonce() -> String {
    let mut bytes = [0; 16];
    // Without randomness the policy must not become guessable: without a nonce, no inline script runs.
    if getrandom::fill(&mut bytes).is_err() {
        return "'none'".to_owned();
    }
    format!("'nonce-{}'", STANDARD_NO_PAD.encode(bytes))
}

fn custom_or<'a>(custom: &'a str, is_on: bool, usual: &'a str) -> &'a str {
    match (custom, is_on) {
        ("", true) => usual,
        _ => custom,
    }
}

fn is_set(spec: &spec::Headers) -> bool {
    let has_text = [
        &spec.custom_frame_options_value,
        &spec.custom_browser_xss_value,
        &spec.content_security_policy,
        &spec.content_security_policy_report_only,
        &spec.public_key,
        &spec.referrer_policy,
        &spec.permissions_policy,
    ];
    let inert_text = [&spec.feature_policy, &spec.ssl_host];
    let inert_switch = [spec.ssl_redirect, spec.ssl_temporary_redirect, spec.ssl_force_host];
    has_text.iter().any(|text| !text.is_empty())
        || inert_text.iter().any(|text| text.as_ref().is_some_and(|text| !text.is_empty()))
        || inert_switch.contains(&Some(true))
        || !spec.allowed_hosts.is_empty()
        || !spec.hosts_proxy_headers.is_empty()
        || !spec.ssl_proxy_headers.is_empty()
        || spec.sts_seconds.is_some()
        || spec.sts_include_subdomains
        || spec.sts_preload
        || spec.force_sts_header
        || spec.frame_deny
        || spec.content_type_nosniff
        || spec.browser_xss_filter
        || spec.is_development
}
