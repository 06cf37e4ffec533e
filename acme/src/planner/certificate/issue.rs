//! Issuing a certificate: key, request, Secret, in this order.

use super::failure::failure;
use super::{Subject, brake, key, next_revision, policy, secret, status};
use crate::names::{self, CERTIFICATE_NAME, CERTIFICATE_REVISION, ISSUER_NAME, PRIVATE_KEY_SECRET, TEMPORARY};
use crate::objects::{
    Certificate, CertificateRequest, ConditionStatus, GROUP, Object, Owner, RequestSpec, RequestStatus, VERSION,
    condition,
};
use crate::planner::action::{Event, Kind, Line, Plan, Step, Urgency, Write};
use crate::planner::context::Context;
use crate::planner::index::filled;
use crate::planner::{issuer, request};
use crate::view::Settings;
use crate::x509::csr;
use crate::x509::key::PrivateKey;
use crate::x509::{chain, temporary};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn plan(context: &Context<'_>, subject: &Subject<'_>, plan: &mut Plan) {
    let certificate = subject.certificate;
    let Some((key, stored)) = key::ready(context, subject, plan) else {
        // Until its issuer is ready it only gets as far as a request, which needs no turn.
        if issuer::is_ready(context, &certificate.spec.issuer_ref, &certificate.metadata.namespace) {
            plan.line = Some(Line::Waiting(urgency(context, certificate)));
        }
        return;
    };
    let Some(present) = subject.next else {
        return plan.steps.push(ask(context.settings, certificate, &key, &stored, context.now));
    };
    let same_key = present.spec.csr().is_ok_and(|csr| csr.public_key == key.public_key());
    if !same_key || !policy::request_violations(&certificate.spec, present).is_empty() {
        return plan.steps.push(withdraw(present));
    }
    let Some(ready) = condition(&present.status.conditions, "Ready") else {
        return plan.steps.extend(temporarily(context, subject, &key));
    };
    if ready.status == ConditionStatus::True {
        return take(context, subject, present, &key, plan);
    }
    if !matches!(&*ready.reason, "Failed" | "Denied") {
        return plan.steps.extend(temporarily(context, subject, &key));
    }
    let begun = condition(&certificate.status.conditions, "Issuing").and_then(|c| c.last_transition_time);
    if present.status.failure_time < begun {
        // A failure from before this attempt.
        return plan.steps.push(withdraw(present));
    }
    plan.steps.push(fail(context, certificate, &ready.reason, &ready.message));
}

fn withdraw(request: &CertificateRequest) -> Step {
    let (key, uid) = (request.key(), request.metadata.uid.clone());
    Step::write(Write::Delete { kind: Kind::CertificateRequest, key, uid })
}

/// Returns the step that asks for a certificate with a stored key.
pub(super) fn ask(
    settings: &Settings,
    certificate: &Certificate,
    key: &PrivateKey,
    stored: &str,
    now: Timestamp,
) -> Step {
    let spec = &certificate.spec;
    let request = match csr::make(spec, key) {
        Ok(request) => request,
        Err(error) => return failure(certificate, "Failed", &error.to_string(), now),
    };
    let revision = next_revision(certificate);
    let mut metadata = names::inherited(&certificate.metadata);
    metadata.name = names::numbered(&certificate.metadata.name, revision);
    for (name, value) in [
        (CERTIFICATE_NAME, certificate.metadata.name.clone()),
        (CERTIFICATE_REVISION, revision.to_string()),
        (PRIVATE_KEY_SECRET, stored.to_owned()),
    ] {
        metadata.annotations.insert(name.to_owned(), value);
    }
    metadata.owner_references =
        vec![Owner::controller(&format!("{GROUP}/{VERSION}"), "Certificate", &certificate.metadata)];
    let message = format!("Created new CertificateRequest resource {:?}", metadata.name);
    let mut asked = RequestSpec::new(spec.issuer_ref.clone(), request, settings.requester.clone());
    asked.duration = spec.duration;
    asked.is_ca = spec.is_ca;
    asked.usages.clone_from(&spec.usages);
    let request = Object { metadata, spec: asked, status: RequestStatus::default() };
    let event = Event::normal(Kind::Certificate, &certificate.metadata, "Requested", message);
    Step::write(Write::Create(request.into())).with(event)
}

fn temporarily(context: &Context<'_>, subject: &Subject<'_>, key: &PrivateKey) -> Option<Step> {
    let certificate = subject.certificate;
    let usable = subject.secret.is_some_and(|present| {
        present.leaf().is_ok_and(|leaf| present.key_facts().is_ok_and(|key| key.public_key == leaf.public_key))
    });
    if usable || subject.outranked.is_some() || certificate.metadata.annotation(TEMPORARY) != Some("true") {
        return None;
    }
    let chain = temporary::temporary(&certificate.spec, key, context.now).ok()?;
    let secret = secret::temporary(context, subject, chain.as_bytes(), key)?;
    let event = Event::normal(Kind::Certificate, &certificate.metadata, "Issuing", "Issued temporary certificate");
    Some(Step::write(Write::Apply(Box::new(secret))).with(event))
}

/// Takes over the signed chain: the Secret first, then the status.
fn take(
    context: &Context<'_>,
    subject: &Subject<'_>,
    request: &Arc<CertificateRequest>,
    key: &PrivateKey,
    plan: &mut Plan,
) {
    let certificate = subject.certificate;
    let Some(pem) = request::chain(request) else {
        // It was taken before, and somebody set the Certificate back.
        return plan.steps.push(withdraw(request));
    };
    let leaf = match chain::check(&pem) {
        Ok(leaf) => leaf,
        Err(error) => {
            let message = format!("Issued certificate cannot be read: {error}");
            return plan.steps.push(fail(context, certificate, "InvalidCertificate", &message));
        }
    };
    let wrong = if leaf.public_key != key.public_key() {
        Some("Issued X.509 certificate doesn't match CertificateRequest public key")
    } else if leaf.not_after <= context.now {
        Some("Issued X.509 certificate has expired already")
    } else {
        None
    };
    if let Some(message) = wrong {
        return plan.steps.push(fail(context, certificate, "InvalidCertificate", message));
    }
    let Some(secret) = secret::issued(context, subject, &pem, &request::topmost(request), &leaf, key) else { return };
    let mut changed = Certificate::clone(certificate);
    let status = &mut changed.status;
    status.revision = Some(next_revision(certificate));
    status.last_failure_time = None;
    status.failed_issuance_attempts = None;
    status.next_private_key_secret_name = None;
    status.conditions.retain(|condition| condition.kind != "Issuing");
    // The renewal information was about the old certificate.
    status.acme = None;
    brake::note_order(&mut changed, context.now);
    // What the next look would find: the Certificate is written once.
    let issued = Arc::new(changed.clone());
    let filled = Arc::new(secret.clone());
    let next = Subject {
        certificate: &issued,
        secret: Some(&filled),
        current: Some(request),
        next: None,
        outranked: None,
        issuer: subject.issuer,
    };
    let message = "The certificate has been successfully issued";
    let mut events = vec![Event::normal(Kind::Certificate, &certificate.metadata, "Issuing", message)];
    events.extend(status::describe_issued(context, &next, &leaf, &mut changed));
    plan.steps.push(Step { writes: vec![Write::Apply(Box::new(secret)), Write::Status(changed.into())], events });
}

fn fail(context: &Context<'_>, certificate: &Certificate, reason: &str, message: &str) -> Step {
    failure(certificate, reason, message, context.now)
}

/// Returns how urgent the next certificate is.
pub(in crate::planner) fn urgency(context: &Context<'_>, certificate: &Certificate) -> Urgency {
    // A temporary certificate names no issuer.
    let secret = context.view.secrets.get(&filled(certificate));
    let issued = secret.filter(|secret| secret.metadata.annotations.contains_key(ISSUER_NAME));
    let Some(leaf) = issued.and_then(|secret| secret.leaf().ok()) else {
        return Urgency::Missing;
    };
    let served: BTreeSet<&String> = leaf.dns_names.iter().chain(&leaf.ip_addresses).collect();
    let spec = &certificate.spec;
    let misses = spec.dns_names.iter().chain(&spec.ip_addresses).any(|name| !served.contains(name));
    let left = leaf.not_after.duration_since(context.now);
    let tenth = SignedDuration::try_from(leaf.lifetime() / 10).unwrap_or_default();
    if misses || left.is_negative() {
        Urgency::Missing
    } else if left < tenth {
        Urgency::Expiring
    } else {
        Urgency::Renewal
    }
}
