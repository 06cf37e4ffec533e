//! Certificates whose issuer is not served here: if no other controller runs, that is reported on the object.

use crate::objects::{Certificate, ConditionStatus, GROUP, Issuer, IssuerRef, Secret, condition, set_condition};
use crate::planner::action::{Event, Kind, Plan, Step, Write};
use crate::planner::context::Context;
use crate::planner::local::Local;
use crate::view::View;
use std::fmt;
use std::sync::Arc;

/// Reason of the condition `Ready` and of the event.
pub(in crate::planner) const REASON: &str = "IssuerNotServed";
const KINDS: [&str; 2] = ["Issuer", "ClusterIssuer"];

/// The reason why a certificate is not issued here; its text says what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unserved {
    /// A group that is another one's former or misspelt name.
    #[error("issuerRef.group {0:?} is not served: write {group}, or leave it out", group = GROUP)]
    MisspeltGroup(String),
    /// A kind that is misspelt: as written, and as it should be.
    #[error("issuerRef.kind {0:?} does not exist: write {1}")]
    MisspeltKind(String, &'static str),
    /// An issuer of a type that is not served.
    #[error(
        "{kind} {name:?} is of the type {of}, which flow-proxy does not serve: name an issuer with spec.acme, spec.ca or \
         spec.selfSigned, or leave the namespaces that need this one to a cert-manager"
    )]
    OtherType {
        /// `Issuer` or `ClusterIssuer`.
        kind: String,
        /// Its name.
        name: String,
        /// Its type, as its spec spells it.
        of: &'static str,
    },
    /// The group of another signer.
    #[error(
        "issuerRef.group {0:?} is that of another signer, which works through cert-manager, and none is at work here: \
         name an issuer of {group} with spec.acme, spec.ca or spec.selfSigned, or run cert-manager",
        group = GROUP
    )]
    OtherSigner(String),
    /// A kind that cert-manager does not have.
    #[error(
        "issuerRef.kind {0:?} does not exist in {group}: write Issuer or ClusterIssuer, or the group of another signer",
        group = GROUP
    )]
    UnknownKind(String),
}

/// Returns why the certificate is not issued here; `None` if the issuer is served, or does not exist yet.
#[must_use]
pub fn unserved(view: &View, certificate: &Certificate) -> Option<Unserved> {
    let reference = &certificate.spec.issuer_ref;
    if !reference.is_ours() {
        return Some(other_group(reference));
    }
    if !KINDS.contains(&reference.kind()) {
        return Some(other_kind(reference));
    }
    let issuer = view.issuers.get(&reference.key(&certificate.metadata.namespace))?;
    (issuer.spec.acme.is_none() && Local::of(issuer).is_none()).then(|| unserved_issuer(issuer))
}

/// Returns why an issuer of another type is not served.
pub(in crate::planner) fn unserved_issuer(issuer: &Issuer) -> Unserved {
    let kind = if issuer.metadata.namespace.is_empty() { "ClusterIssuer" } else { "Issuer" };
    Unserved::OtherType { kind: kind.to_owned(), name: issuer.metadata.name.clone(), of: kind_of(issuer) }
}

fn other_group(reference: &IssuerRef) -> Unserved {
    let group = reference.group();
    // The name before version 0.11, and names close to the current one.
    if group == "certmanager.k8s.io" || group.replace('-', "").eq_ignore_ascii_case(&GROUP.replace('-', "")) {
        return Unserved::MisspeltGroup(group.to_owned());
    }
    Unserved::OtherSigner(group.to_owned())
}

fn other_kind(reference: &IssuerRef) -> Unserved {
    let kind = reference.kind();
    match KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind.trim())) {
        Some(known) => Unserved::MisspeltKind(kind.to_owned(), known),
        None => Unserved::UnknownKind(kind.to_owned()),
    }
}

fn kind_of(issuer: &Issuer) -> &'static str {
    let spec = &issuer.spec;
    let kinds = [("vault", spec.vault.is_some()), ("venafi", spec.venafi.is_some())];
    kinds.into_iter().find(|(_, there)| *there).map_or("of none that is known", |(kind, _)| kind)
}

/// A reference to an issuer that does not exist. Its text is cert-manager's, and names the issuer that may be meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingIssuer {
    kind: String,
    name: String,
    /// The kind of an issuer of that name that does exist.
    pub other_kind: Option<&'static str>,
}

impl fmt::Display for MissingIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, other_kind } = self;
        write!(f, "Referenced {kind:?} not found: {}.{GROUP} {name:?} not found", kind.to_lowercase())?;
        match other_kind {
            Some(other) => write!(f, ", but {other} {name:?} is there: write issuerRef.kind: {other}"),
            None => Ok(()),
        }
    }
}

/// Returns the reference if there is no such issuer for objects of that namespace.
#[must_use]
pub fn missing_issuer(view: &View, reference: &IssuerRef, namespace: &str) -> Option<MissingIssuer> {
    if view.issuers.contains_key(&reference.key(namespace)) {
        return None;
    }
    let kind = reference.kind();
    let other = if kind == "Issuer" { "ClusterIssuer" } else { "Issuer" };
    let there = IssuerRef { kind: other.to_owned(), ..reference.clone() };
    Some(MissingIssuer {
        kind: kind.to_owned(),
        name: reference.name.clone(),
        other_kind: view.issuers.contains_key(&there.key(namespace)).then_some(other),
    })
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
