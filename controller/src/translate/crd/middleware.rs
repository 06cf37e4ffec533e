use super::memo::Translation;
use super::{choose, naming, reference};
use crate::crd::middleware::{
    BasicAuth, CircuitBreaker, DigestAuth, ForwardAuth, MiddlewareSpec, RateLimit, Redis, Retry,
};
use crate::translate::options::CrdOptions;
use crate::translate::pem::{self, Unusable};
use crate::view::secret::BASIC_AUTH;
use crate::view::{Custom, ObjectKey, Reference, View};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flow_model::diagnostic::Diagnostic;
use flow_model::duration::GoDuration;
use flow_model::middleware as model;
use flow_model::middleware::{Middleware, plugin};
use flow_model::name::Name;
use sha1::{Digest, Sha1};
use std::sync::Arc;

/// The reason why an object is not a valid middleware.
#[derive(Debug, thiserror::Error)]
enum Invalid {
    #[error("no kind of middleware is set")]
    NoKind,
    #[error("an object is one middleware, and {0} are set: write one object for each")]
    Kinds(String),
    #[error("{0} is not served yet")]
    NotServed(&'static str),
    #[error("{0}")]
    Plugin(String),
    #[error("{0}: a Secret must be named")]
    NoSecret(&'static str),
    #[error("forwardAuth: an address must be given")]
    NoAddress,
    #[error("{0}: {1}")]
    Secret(&'static str, Unusable),
    #[error("basicAuth: Secret {0} must have username and password")]
    NoCredentials(ObjectKey),
    #[error("{0}: Secret {1} holds no user")]
    NoUsers(&'static str, ObjectKey),
    #[error("errors: {0}")]
    ErrorPage(String),
    #[error("chain: {0}")]
    Chain(reference::Refused),
}

/// Translates a Middleware object. An invalid one becomes [`Middleware::Invalid`] or [`Middleware::Absent`], so that
/// its users can report the reason.
pub(super) fn translate(
    objects: [Option<&Arc<Custom<MiddlewareSpec>>>; 2],
    view: &View,
    options: &CrdOptions,
    error_page: Option<&Result<Name, String>>,
) -> Option<Translation<Middleware>> {
    let mut diagnostics = Vec::new();
    let object = choose(objects, "Middleware", &mut diagnostics)?;
    let mut reads = Vec::new();
    let made = match &object.spec {
        Err(error) => Err(Middleware::Absent(error.clone())),
        Ok(spec) => {
            let mut warnings = Vec::new();
            let made = middleware(spec, &object.key, view, options, error_page, &mut reads, &mut warnings);
            let subject = || object.key.subject("Middleware");
            diagnostics.extend(warnings.into_iter().map(|warning| Diagnostic::warning(subject(), warning)));
            made.map_err(|error| match error {
                Invalid::NoKind | Invalid::Kinds(_) | Invalid::NotServed(_) | Invalid::Plugin(_) => {
                    Middleware::Invalid(error.to_string())
                }
                _ => Middleware::Absent(error.to_string()),
            })
        }
    };
    let value = made.unwrap_or_else(|broken| {
        if let Middleware::Absent(message) | Middleware::Invalid(message) = &broken {
            diagnostics.push(Diagnostic::error(object.key.subject("Middleware"), message.clone()));
        }
        broken
    });
    Some(Translation {
        name: naming::object(&object.key.namespace, &object.key.name, options),
        created: object.created,
        value: Some(value),
        reads,
        diagnostics,
    })
}

fn middleware(
    spec: &MiddlewareSpec,
    key: &ObjectKey,
    view: &View,
    options: &CrdOptions,
    error_page: Option<&Result<Name, String>>,
    reads: &mut Vec<Reference>,
    warnings: &mut Vec<&'static str>,
) -> Result<Middleware, Invalid> {
    let kinds = spec.kinds();
    let &[kind] = kinds.as_slice() else {
        return Err(if kinds.is_empty() { Invalid::NoKind } else { Invalid::Kinds(kinds.join(", ")) });
    };
    let plain = [
        spec.add_prefix.as_deref().cloned().map(Middleware::AddPrefix),
        spec.buffering.as_deref().cloned().map(Middleware::Buffering),
        spec.compress.clone().map(Middleware::Compress),
        spec.grpc_web.as_deref().cloned().map(Middleware::GrpcWeb),
        spec.headers.clone().map(Middleware::Headers),
        spec.ip_allow_list.as_deref().cloned().map(Middleware::IpAllowList),
        spec.pass_tls_client_cert.as_deref().cloned().map(Middleware::PassTlsClientCert),
        spec.redirect_regex.as_deref().cloned().map(Middleware::RedirectRegex),
        spec.redirect_scheme.as_deref().cloned().map(Middleware::RedirectScheme),
        spec.replace_path.as_deref().cloned().map(Middleware::ReplacePath),
        spec.replace_path_regex.as_deref().cloned().map(Middleware::ReplacePathRegex),
        spec.strip_prefix.as_deref().cloned().map(Middleware::StripPrefix),
        spec.strip_prefix_regex.as_deref().cloned().map(Middleware::StripPrefixRegex),
    ];
    if let Some(middleware) = plain.into_iter().flatten().next() {
        return Ok(middleware);
    }
    if let Some(list) = &spec.ip_white_list {
        warnings.push("ipWhiteList is deprecated: write ipAllowList");
        return Ok(Middleware::IpWhiteList(model::IpAllowList {
            source_range: list.source_range.clone(),
            ip_strategy: list.ip_strategy.clone(),
            reject_status_code: None,
        }));
    }
    if let Some(chain) = &spec.chain {
        let names = chain.middlewares.iter().map(|other| reference::middleware(other, &key.namespace, options));
        let middlewares = names.collect::<Result<_, _>>().map_err(Invalid::Chain)?;
        return Ok(Middleware::Chain(model::Chain { middlewares }));
    }
    if let Some((page, service)) = spec.errors.as_deref().zip(error_page) {
        let service = service.clone().map_err(Invalid::ErrorPage)?;
        return Ok(Middleware::Errors(Box::new(model::ErrorPage {
            status: page.status.clone(),
            status_rewrites: page.status_rewrites.clone(),
            service,
            query: page.query.clone(),
            error_request_headers: page.error_request_headers.clone(),
        })));
    }
    if let Some(breaker) = &spec.circuit_breaker {
        return Ok(Middleware::CircuitBreaker(circuit_breaker(breaker)));
    }
    if let Some(content_type) = spec.content_type.as_deref() {
        if content_type.auto_detect.is_some() {
            warnings.push("contentType.autoDetect is deprecated: leave it out, or the middleware where it is false");
        }
        return Ok(Middleware::ContentType(*content_type));
    }
    if let Some(allowed) = spec.encoded_characters.as_deref() {
        return Ok(Middleware::EncodedCharacters(*allowed));
    }
    if let Some(limit) = &spec.in_flight_req {
        let (amount, source_criterion) = (limit.amount, limit.source_criterion.clone());
        return Ok(Middleware::InFlightReq(model::InFlightReq { amount, source_criterion }));
    }
    if let Some(spec) = &spec.retry {
        return Ok(Middleware::Retry(retry(spec)));
    }
    if let Some(limit) = &spec.rate_limit {
        let redis = limit.redis.as_ref().map(|wanted| redis(wanted, key, view, reads)).transpose()?;
        return Ok(Middleware::RateLimit(Box::new(rate_limit(limit, redis))));
    }
    if let Some(auth) = &spec.basic_auth {
        return basic_auth(auth, key, view, reads).map(Middleware::BasicAuth);
    }
    if let Some(auth) = &spec.digest_auth {
        return digest_auth(auth, key, view, reads).map(Middleware::DigestAuth);
    }
    if let Some(auth) = &spec.forward_auth {
        return forward_auth(auth, key, view, reads).map(Box::new).map(Middleware::ForwardAuth);
    }
    if let Some(plugins) = &spec.plugin {
        return Err(Invalid::Plugin(plugin::refusal(plugins.keys().map(String::as_str))));
    }
    Err(Invalid::NotServed(kind))
}

fn circuit_breaker(spec: &CircuitBreaker) -> model::CircuitBreaker {
    let default = model::CircuitBreaker::default();
    model::CircuitBreaker {
        expression: spec.expression.clone(),
        check_period: spec.check_period.unwrap_or(default.check_period),
        fallback_duration: spec.fallback_duration.unwrap_or(default.fallback_duration),
        recovery_duration: spec.recovery_duration.unwrap_or(default.recovery_duration),
        response_code: spec.response_code.unwrap_or(default.response_code),
    }
}

fn retry(spec: &Retry) -> model::Retry {
    let default = model::Retry::default();
    model::Retry {
        attempts: spec.attempts,
        timeout: spec.timeout.unwrap_or(default.timeout),
        initial_interval: spec.initial_interval.unwrap_or(default.initial_interval),
        max_request_body_bytes: spec.max_request_body_bytes.unwrap_or(default.max_request_body_bytes),
        status: spec.status.clone(),
        disable_retry_on_network_error: spec.disable_retry_on_network_error,
        retry_non_idempotent_method: spec.retry_non_idempotent_method,
    }
}

fn rate_limit(limit: &RateLimit, redis: Option<model::Redis>) -> model::RateLimit {
    let default = model::RateLimit::default();
    model::RateLimit {
        average: limit.average.unwrap_or(default.average),
        period: limit.period.unwrap_or(default.period),
        burst: limit.burst.unwrap_or(default.burst),
        source_criterion: limit.source_criterion.clone(),
        redis,
    }
}

/// Returns the way to a Redis, with Traefik's defaults as its API shows them.
fn redis(wanted: &Redis, key: &ObjectKey, view: &View, reads: &mut Vec<Reference>) -> Result<model::Redis, Invalid> {
    const KIND: &str = "rateLimit.redis";
    let tls = wanted.tls.as_ref().map(|tls| {
        let secrets = [&*tls.ca_secret, &*tls.cert_secret];
        client_tls(KIND, secrets, tls.insecure_skip_verify, key, view, reads)
    });
    let tls = tls.transpose()?;
    let (mut username, mut password) = (String::new(), String::new());
    if !wanted.secret.is_empty() {
        let named = key.sibling(&wanted.secret);
        reads.push(Reference::Secret(named.clone()));
        let secret = view.secret(&named);
        let missing = || Invalid::Secret(KIND, Unusable::Missing("Secret", named.clone()));
        let secret = secret.ok_or_else(missing)?;
        let value = |field| secret.data.get(field).map(|value| text(KIND, &named, value)).transpose();
        username = value("username")?.unwrap_or_default();
        password = value("password")?.unwrap_or_default();
    }
    let endpoints =
        if wanted.endpoints.is_empty() { vec!["127.0.0.1:6379".to_owned()] } else { wanted.endpoints.clone() };
    Ok(model::Redis {
        endpoints,
        tls,
        username,
        password,
        db: wanted.db,
        pool_size: wanted.pool_size,
        min_idle_conns: wanted.min_idle_conns,
        max_active_conns: wanted.max_active_conns,
        read_timeout: wanted.read_timeout.or(Some(GoDuration::from_secs(3))),
        write_timeout: wanted.write_timeout.or(Some(GoDuration::from_secs(3))),
        dial_timeout: wanted.dial_timeout.or(Some(GoDuration::from_secs(5))),
        deny_on_error: wanted.deny_on_error,
    })
}

fn basic_auth(
    auth: &BasicAuth,
    key: &ObjectKey,
    view: &View,
    reads: &mut Vec<Reference>,
) -> Result<model::BasicAuth, Invalid> {
    if auth.secret.is_empty() {
        return Err(Invalid::NoSecret("basicAuth"));
    }
    let users = credentials(key.sibling(&auth.secret), view, reads)?;
    Ok(model::BasicAuth {
        users,
        realm: auth.realm.clone(),
        remove_header: auth.remove_header,
        header_field: auth.header_field.clone(),
    })
}

fn digest_auth(
    auth: &DigestAuth,
    key: &ObjectKey,
    view: &View,
    reads: &mut Vec<Reference>,
) -> Result<model::DigestAuth, Invalid> {
    if auth.secret.is_empty() {
        return Err(Invalid::NoSecret("digestAuth"));
    }
    Ok(model::DigestAuth {
        users: lines("digestAuth", key.sibling(&auth.secret), view, reads)?,
        remove_header: auth.remove_header,
        realm: auth.realm.clone(),
        header_field: auth.header_field.clone(),
    })
}

/// Returns the users of a Secret: of type `kubernetes.io/basic-auth` its single one, whose password is hashed here;
/// else the lines of its only key.
fn credentials(key: ObjectKey, view: &View, reads: &mut Vec<Reference>) -> Result<Vec<String>, Invalid> {
    if let Some(secret) = view.secret(&key).filter(|secret| &*secret.kind == BASIC_AUTH) {
        reads.push(Reference::Secret(key.clone()));
        let (Some(user), Some(password)) = (secret.data.get("username"), secret.data.get("password")) else {
            return Err(Invalid::NoCredentials(key));
        };
        let user = text("basicAuth", &key, user)?;
        return Ok(vec![format!("{user}:{{SHA}}{}", BASE64_STANDARD.encode(Sha1::digest(password)))]);
    }
    lines("basicAuth", key, view, reads)
}

/// Returns the lines of a Secret's only key, which a middleware of `kind` names.
fn lines(kind: &'static str, key: ObjectKey, view: &View, reads: &mut Vec<Reference>) -> Result<Vec<String>, Invalid> {
    reads.push(Reference::Secret(key.clone()));
    let invalid = |error| Invalid::Secret(kind, error);
    let secret = view.secret(&key).ok_or_else(|| invalid(Unusable::Missing("Secret", key.clone())))?;
    let mut values = secret.data.values();
    let (Some(lines), None) = (values.next(), values.next()) else {
        return Err(invalid(Unusable::NotOneKey(key, secret.data.len())));
    };
    let users = text(kind, &key, lines)?;
    let users: Vec<_> = users.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if users.is_empty() { Err(Invalid::NoUsers(kind, key)) } else { Ok(users) }
}

fn text(kind: &'static str, key: &ObjectKey, value: &[u8]) -> Result<String, Invalid> {
    String::from_utf8(value.to_vec()).map_err(|_| Invalid::Secret(kind, Unusable::NoText("Secret", key.clone())))
}

fn forward_auth(
    auth: &ForwardAuth,
    key: &ObjectKey,
    view: &View,
    reads: &mut Vec<Reference>,
) -> Result<model::ForwardAuth, Invalid> {
    if auth.address.is_empty() {
        return Err(Invalid::NoAddress);
    }
    let tls = auth.tls.as_ref().map(|tls| {
        let secrets = [&*tls.ca_secret, &*tls.cert_secret];
        client_tls("forwardAuth.tls", secrets, tls.insecure_skip_verify, key, view, reads)
    });
    let tls = tls.transpose()?;
    Ok(model::ForwardAuth {
        address: auth.address.clone(),
        tls,
        trust_forward_header: auth.trust_forward_header,
        auth_response_headers: auth.auth_response_headers.clone(),
        auth_response_headers_regex: auth.auth_response_headers_regex.clone(),
        auth_request_headers: auth.auth_request_headers.clone(),
        add_auth_cookies_to_response: auth.add_auth_cookies_to_response.clone(),
        header_field: auth.header_field.clone(),
        forward_body: auth.forward_body,
        // Traefik's default, as its API shows it.
        max_body_size: auth.max_body_size.or(Some(-1)),
        max_response_body_size: auth.max_response_body_size,
        preserve_location_header: auth.preserve_location_header,
        preserve_request_method: auth.preserve_request_method,
        auth_signin_url: auth.auth_signin_url.clone(),
    })
}

/// Returns the TLS settings towards a server, with what the Secrets of authorities and of a certificate hold; an empty
/// name is none.
fn client_tls(
    kind: &'static str,
    [ca_secret, cert_secret]: [&str; 2],
    insecure_skip_verify: bool,
    key: &ObjectKey,
    view: &View,
    reads: &mut Vec<Reference>,
) -> Result<model::ClientTls, Invalid> {
    let invalid = |error| Invalid::Secret(kind, error);
    let mut made = model::ClientTls { insecure_skip_verify, ..Default::default() };
    if !ca_secret.is_empty() {
        let secret = key.sibling(ca_secret);
        reads.push(Reference::Secret(secret.clone()));
        made.ca = pem::authorities(view, &secret, true).map_err(invalid)?;
    }
    if !cert_secret.is_empty() {
        let secret = key.sibling(cert_secret);
        reads.push(Reference::Secret(secret.clone()));
        let certificate = pem::certificate(view, &secret).map_err(invalid)?;
        let text = |value| String::from_utf8(value).map_err(|_| invalid(Unusable::NoText("Secret", secret.clone())));
        made.cert = text(certificate.chain)?;
        made.key = text(certificate.key)?;
    }
    Ok(made)
}
