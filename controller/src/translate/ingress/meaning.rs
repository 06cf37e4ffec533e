//! The effect that annotations have in other controllers, by their names without a controller's prefix.

/// The effect of an annotation in another controller.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Meaning {
    /// True if it closes something that is open without it.
    pub(super) protects: bool,
    /// True if it does so by being off.
    pub(super) by_being_off: bool,
    /// The way to the same effect here; empty if there is none.
    pub(super) way_out: &'static str,
}

const BASIC: &str = "use a Middleware with basicAuth, named in traefik.ingress.kubernetes.io/router.middlewares";
const FORWARD: &str = "use a Middleware with forwardAuth, named in traefik.ingress.kubernetes.io/router.middlewares";
const ADDRESSES: &str = "use a Middleware with ipAllowList, named in traefik.ingress.kubernetes.io/router.middlewares";
const RATE: &str = "use a Middleware with rateLimit, named in traefik.ingress.kubernetes.io/router.middlewares";
const HEADERS: &str = "use a Middleware with headers, named in traefik.ingress.kubernetes.io/router.middlewares";
const SCHEME: &str = "use a Middleware with redirectScheme, or a redirection of the entry point";
const CLIENTS: &str = "use a TLSOption with clientAuth, named in traefik.ingress.kubernetes.io/router.tls.options";
const BACKENDS: &str =
    "use a ServersTransport, named in traefik.ingress.kubernetes.io/service.serverstransport on the Service";
const NAMES: &str = "name Middlewares in traefik.ingress.kubernetes.io/router.middlewares";
const STICKY: &str = "write traefik.ingress.kubernetes.io/service.sticky.cookie on the Service";
const NOT_YET: &str = "nothing here does the same yet";

/// Parts of names, the way out for the first that fits, and true if it protects.
const PARTS: &[(&[&str], bool, &str)] = &[
    (&["auth-tls", "client-cert", "mtls"], true, CLIENTS),
    (
        &[
            "auth-url",
            "auth-signin",
            "auth-method",
            "auth-response",
            "auth-cache",
            "auth-snippet",
            "auth-proxy",
            "auth-keepalive",
            "auth-always",
            "auth-request",
            "auth-trust",
            "auth-external",
            "auth.forward",
            "forward-auth",
            "global-auth",
            "oauth",
        ],
        true,
        FORWARD,
    ),
    (&["auth", "whitelist-user"], true, BASIC),
    (&["limit-", "rate-limit", "ratelimit", "max-conn", "maxconn"], true, RATE),
    (
        &[
            "whitelist",
            "white-list",
            "allowlist",
            "allow-list",
            "denylist",
            "deny-list",
            "blacklist",
            "black-list",
            "source-range",
            "sourcerange",
            "satisfy",
            "inbound-cidrs",
        ],
        true,
        ADDRESSES,
    ),
    (
        &["ssl-redirect", "ssl-temporary-redirect", "redirect-entry-point", "redirect.entrypoint", "https-redirect"],
        true,
        SCHEME,
    ),
    (
        &[
            "hsts",
            "frame-deny",
            "framedeny",
            "frame-options",
            "content-security",
            "xss",
            "nosniff",
            "referrer-policy",
            "allowed-hosts",
            "public-key",
            "ssl-host",
            "ssl-force-host",
            "response-headers",
            "headers.custom",
        ],
        true,
        HEADERS,
    ),
    (
        &["frontend-entry-points", "entrypoints", "entry-points"],
        true,
        "write traefik.ingress.kubernetes.io/router.entrypoints",
    ),
    (&["modsecurity", "owasp", "waf"], true, "no web application firewall is part of this proxy"),
    (&["snippet"], true, "write Middlewares for what the snippet does"),
    (&["proxy-ssl", "secure-verify", "secure-ca", "server-ca"], true, BACKENDS),
    (&["middlewares"], true, NAMES),
    (&["tls.options"], true, CLIENTS),
    (&["ssl-passthrough", "passthrough"], false, "only HTTP is proxied"),
    (&["cors", "headers"], false, HEADERS),
    (
        &["backend-protocol", "secure-backends", "server-ssl", "server-proto", "protocol"],
        false,
        "write traefik.ingress.kubernetes.io/service.serversscheme on the Service",
    ),
    (&["redirect", "app-root"], false, "use a Middleware with redirectRegex"),
    (
        &["rewrite", "add-base-url", "rule-type", "rule.type", "request-modifier", "forwarded-prefix", "strip-path"],
        false,
        "use a Middleware with stripPrefix, addPrefix or replacePathRegex",
    ),
    (&["priority"], false, "write traefik.ingress.kubernetes.io/router.priority"),
    (&["affinity", "sticky", "session-cookie"], false, STICKY),
    (&["pass-client-tls-cert", "pass-tls-cert", "pass-certificate"], false, NOT_YET),
    (&["error-pages", "custom-http-errors", "circuit", "retry", "next-upstream", "canary"], false, NOT_YET),
    (
        &["preserve-host", "upstream-vhost"],
        false,
        "write traefik.ingress.kubernetes.io/service.passhostheader on the Service",
    ),
    (&["compress", "gzip"], false, "use a Middleware with compress"),
];

/// Returns the effect of an annotation of that name, in lower case and without its prefix; `None` if unknown.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    if name == "enable" {
        let way_out = "an Ingress is served whatever this says; take it away, or give it another class";
        return Some(Meaning { protects: true, by_being_off: true, way_out });
    }
    let (_, protects, way_out) = PARTS.iter().find(|(parts, ..)| parts.iter().any(|part| name.contains(part)))?;
    Some(Meaning { protects: *protects, by_being_off: false, way_out })
}
