//! Limits of namespaces, set by the platform's owner as annotations of the Namespace: how many certificates, and for
//! which domains. Without the annotations there is none.

use crate::names::{ALLOWED_DOMAINS, MAX_CERTIFICATES};
use crate::objects::{Certificate, CertificateRequest, Key, Meta};
use crate::view::View;
use jiff::Timestamp;

/// Returns the annotations of a Namespace that limit it.
#[must_use]
pub fn limits(metadata: &Meta) -> bool {
    [MAX_CERTIFICATES, ALLOWED_DOMAINS].iter().any(|name| metadata.annotations.contains_key(*name))
}

/// Returns why a request may have no order; `None` if it may have one.
pub(super) fn refusal(view: &View, request: &CertificateRequest) -> Option<String> {
    let namespace = request.metadata.namespace.as_str();
    let limited = &view.namespaces.get(&Key::new("", namespace))?.metadata;
    if let Some(allowed) = limited.annotation(ALLOWED_DOMAINS) {
        let csr = request.spec.csr().ok()?;
        let mut names = csr.dns_names.iter().chain(&csr.ip_addresses);
        if let Some(name) = names.find(|name| !is_allowed(name, allowed)) {
            return Some(format!(
                "namespace {namespace} may have no certificate for {name}: its annotation {ALLOWED_DOMAINS} allows {}; the \
                 owner of the cluster sets it",
                if allowed.trim().is_empty() { "none" } else { allowed }
            ));
        }
    }
    let most = limited.annotation(MAX_CERTIFICATES)?;
    let Ok(most) = most.trim().parse::<usize>() else {
        return Some(format!("annotation {MAX_CERTIFICATES} of namespace {namespace} must be a number, not {most:?}"));
    };
    is_over(view, request, most).then(|| {
        format!(
            "namespace {namespace} has its {most} certificates already: delete one, or ask the owner of the cluster for a \
             larger {MAX_CERTIFICATES}"
        )
    })
}

/// True if a name is one of the domains, or below one. They are divided by commas or spaces.
fn is_allowed(name: &str, domains: &str) -> bool {
    let name = name.trim_start_matches("*.").to_ascii_lowercase();
    let mut domains = domains.split([',', ' ']).filter(|domain| !domain.is_empty());
    domains.any(|domain| {
        let domain = domain.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        name == domain || name.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    })
}

/// The order in which what wants a certificate gets one: first what has one, then the oldest.
type Rank<'a> = (bool, Option<Timestamp>, &'a str);

fn of_certificate(certificate: &Certificate) -> Rank<'_> {
    let metadata = &certificate.metadata;
    (certificate.status.revision.is_none(), metadata.creation_timestamp, &metadata.name)
}

fn of_request(request: &CertificateRequest) -> Rank<'_> {
    (request.status.certificate.is_empty(), request.metadata.creation_timestamp, &request.metadata.name)
}

/// The Certificate that a request is for; `None` if somebody made it without one.
fn owner<'a>(view: &'a View, request: &CertificateRequest) -> Option<&'a Certificate> {
    let owner = request.metadata.controller().filter(|owner| owner.kind == "Certificate")?;
    view.certificates.get(&Key::new(request.metadata.namespace.clone(), owner.name.clone())).map(AsRef::as_ref)
}

/// True if as many others of the namespace come before.
fn is_over(view: &View, request: &CertificateRequest, most: usize) -> bool {
    let namespace = request.metadata.namespace.as_str();
    let own = owner(view, request).map_or_else(|| of_request(request), of_certificate);
    let certificates = view.certificates.values().filter(|c| c.metadata.namespace == namespace);
    // Those of a Certificate that is gone go after it.
    let alone = |r: &CertificateRequest| r.metadata.controller().is_none_or(|owner| owner.kind != "Certificate");
    let requests = view.requests.values().filter(|r| r.metadata.namespace == namespace && alone(r));
    let ranks = certificates.map(|certificate| of_certificate(certificate)).chain(requests.map(|r| of_request(r)));
    ranks.filter(|rank| *rank < own).take(most).count() == most
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn domains_allow_themselves_and_what_is_below() {
        let domains = "shop.example, *.b.example .C.example";
        for name in ["shop.example", "www.shop.example", "*.shop.example", "a.b.example", "b.example", "x.c.EXAMPLE"] {
            assert!(is_allowed(name, domains), "{name}");
        }
        for name in ["example", "workshop.example", "shop.example.org", "192.0.2.1", ""] {
            assert!(!is_allowed(name, domains), "{name}");
        }
        assert!(!is_allowed("a.example", " "));
    }
}
