//! Ingresses whose Secret is filled for somebody else.

use crate::objects::{Certificate, Key};
use crate::planner::index::Index;
use crate::view::{IngressFacts, View};

/// True if a Certificate is for a host.
fn names(certificate: &Certificate, host: &str) -> bool {
    let spec = &certificate.spec;
    let mut all = spec.dns_names.iter().chain(&spec.ip_addresses).chain([&spec.common_name]);
    all.any(|name| {
        let wild = || Some(name.strip_prefix("*.")?.eq_ignore_ascii_case(host.split_once('.')?.1));
        name.eq_ignore_ascii_case(host) || wild() == Some(true)
    })
}

/// Returns a message for each block of `spec.tls` whose Secret is filled by a Certificate of another owner without the
/// block's hosts.
pub(crate) fn crowded_out(view: &View, index: &Index, ingress: &IngressFacts) -> Vec<String> {
    let namespace = &ingress.metadata.namespace;
    let mut messages = Vec::new();
    for tls in ingress.tls.iter().filter(|tls| !tls.secret_name.is_empty()) {
        let place = Key::new(namespace.clone(), tls.secret_name.clone());
        let Some(filler) = index.owner_of_secret(view, &place).or_else(|| view.certificates.get(&place)) else {
            continue;
        };
        if filler.metadata.controlled_by("Ingress", &ingress.metadata) {
            continue;
        }
        let missing: Vec<&str> = tls.hosts.iter().map(String::as_str).filter(|host| !names(filler, host)).collect();
        if missing.is_empty() {
            continue;
        }
        let owner = filler.metadata.controller().map(|owner| format!(" of {} {:?}", owner.kind, owner.name));
        messages.push(format!(
            "Secret {:?} is filled by Certificate {:?}{}, which is not for {}: give this Ingress a secretName of its own, or \
             name the host there",
            tls.secret_name,
            filler.metadata.name,
            owner.unwrap_or_default(),
            missing.join(", ")
        ));
    }
    messages
}
