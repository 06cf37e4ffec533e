//! Certificates whose issuer is not served here: if no other controller runs, that is reported on the object.

use super::is_ours;
use crate::objects::{Certificate, ConditionStatus, GROUP, Issuer, IssuerRef, Secret, condition, set_condition};
use crate::planner::{Context, Event, Kind, Plan, Step, View, Write};
use std::sync::Arc;

/// Reason of the condition `Ready` and of the event.
const REASON: &str = "IssuerNotServed";
const KINDS: [&str; 2] = ["Issuer", "ClusterIssuer"];

/// Returns why the certificate is not issued here and what to do; `None` if the issuer is served, or does not exist
/// yet.
#[must_use]
pub fn unserved(view: &View, certificate: &Certificate) -> Option<String> {
    let reference = &certificate.spec.issuer_ref;
    if !is_ours(reference) {
        return Some(other_group(reference));
    }
    if !KINDS.contains(&reference.kind()) {
        return Some(other_kind(reference));
    }
    let issuer = view.issuers.get(&reference.key(&certificate.metadata.namespace))?;
    if issuer.spec.acme.is_some() {
        return None;
    }
    Some(format!(
        "{} {:?} is of the type {}: flow-proxy issues by ACME only, so name an issuer with spec.acme, or run cert-manager",
        reference.kind(),
        reference.name,
        kind_of(issuer)
    ))
}

fn other_group(reference: &IssuerRef) -> String {
    let group = reference.group();
    // The name before version 0.11, and names close to the current one.
    if group == "certmanager.k8s.io" || group.replace('-', "").eq_ignore_ascii_case(&GROUP.replace('-', "")) {
        return format!("issuerRef.group {group:?} is not served: write {GROUP}, or leave it out");
    }
    format!(
        "issuerRef.group {group:?} is that of another signer, which works through cert-manager, and none is at work here: \
         name an issuer of {GROUP} with spec.acme, or run cert-manager"
    )
}

fn other_kind(reference: &IssuerRef) -> String {
    let kind = reference.kind();
    match KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind.trim())) {
        Some(known) => format!("issuerRef.kind {kind:?} does not exist: write {known}"),
        None => format!(
            "issuerRef.kind {kind:?} does not exist in {GROUP}: write Issuer or ClusterIssuer, or the group of another \
             signer"
        ),
    }
}

fn kind_of(issuer: &Issuer) -> &'static str {
    let spec = &issuer.spec;
    let kinds = [
        ("selfSigned", spec.self_signed.is_some()),
        ("ca", spec.ca.is_some()),
        ("vault", spec.vault.is_some()),
        ("venafi", spec.venafi.is_some()),
    ];
    kinds.into_iter().find(|(_, there)| *there).map_or("of none that is known", |(kind, _)| kind)
}

/// Returns cert-manager's message for an issuer that does not exist, and the issuer that may be meant instead.
pub(in crate::planner) fn missing(view: &View, reference: &IssuerRef, namespace: &str) -> Option<String> {
    if view.issuers.contains_key(&reference.key(namespace)) {
        return None;
    }
    let (kind, name) = (reference.kind(), &reference.name);
    let resource = kind.to_lowercase();
    let message = format!("Referenced {kind:?} not found: {resource}.{GROUP} {name:?} not found");
    let other = if kind == "Issuer" { "ClusterIssuer" } else { "Issuer" };
    let other = IssuerRef { kind: other.to_owned(), ..reference.clone() };
    if view.issuers.contains_key(&other.key(namespace)) {
        let other = other.kind();
        return Some(format!("{message}, but {other} {name:?} is there: write issuerRef.kind: {other}"));
    }
    Some(message)
}

/// Reports on the object that it is not issued. The Secret is left unchanged, and `Ready` too while the certificate is
/// valid.
pub(super) fn plan(
    context: &Context<'_>,
    certificate: &Certificate,
    secret: Option<&Arc<Secret>>,
    why: String,
    plan: &mut Plan,
) {
    if !context.settings.alone {
        return;
    }
    let leaf = secret.filter(|secret| secret.entry("tls.key").is_some()).and_then(|secret| secret.leaf().ok());
    let good = leaf.is_some_and(|leaf| leaf.not_after > context.now);
    let message = if good { format!("the certificate will not be renewed: {why}") } else { why };
    let event = Event::warning(Kind::Certificate, &certificate.metadata, REASON, &*message);
    let mut step = Step { writes: Vec::new(), events: vec![event] };
    if !good {
        let mut changed = certificate.clone();
        let generation = Some(certificate.metadata.generation);
        let conditions = &mut changed.status.conditions;
        set_condition(conditions, "Ready", ConditionStatus::False, REASON, message, generation, context.now);
        if condition(conditions, "Ready") != condition(&certificate.status.conditions, "Ready") {
            step.writes.push(Write::Status(changed.into()));
        }
    }
    plan.steps.push(step);
}
