//! Ingresses that ask for certificates by annotation (cert-manager's ingress-shim).

pub(super) mod annotations;
mod crowded_out;

pub(super) use annotations::asks;

use super::index::Index;
use super::{Context, Event, IngressFacts, Kind, Plan, Settings, Step, View, Write};
use crate::objects::{Certificate, CertificateSpec, CertificateStatus, IssuerRef, Key, Meta, Object, Owner};
use crowded_out::crowded_out;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

pub(super) fn plan(context: &Context<'_>, ingress: &Arc<IngressFacts>, plan: &mut Plan) {
    if ingress.metadata.deletion_timestamp.is_some() {
        return;
    }
    let (wanted, problems) = wanted(ingress, context.settings);
    for message in problems {
        bad(ingress, plan, message);
    }
    let Some(wanted) = wanted else { return };
    let names: BTreeSet<&str> = wanted.iter().map(|certificate| certificate.metadata.name.as_str()).collect();
    for owned in context.index.of_ingress(&ingress.metadata) {
        if owned.metadata.deletion_timestamp.is_none() && !names.contains(&*owned.metadata.name) {
            let (key, uid) = (owned.key(), owned.metadata.uid.clone());
            let message = format!("Successfully deleted unrequired Certificate {:?}", owned.metadata.name);
            let event = Event::normal(Kind::Ingress, &ingress.metadata, "DeleteCertificate", message);
            plan.steps.push(Step::write(Write::Delete { kind: Kind::Certificate, key, uid }).with(event));
        }
    }
    for certificate in wanted {
        plan.steps.extend(upsert(context, ingress, certificate));
    }
    for message in crowded_out(context.view, context.index, ingress) {
        bad(ingress, plan, message);
    }
}

/// Returns all problems with what an Ingress asks for.
pub(super) fn problems(view: &View, settings: &Settings, index: &Index, ingress: &IngressFacts) -> Vec<String> {
    let (wanted, mut problems) = wanted(ingress, settings);
    if wanted.is_some() {
        problems.extend(crowded_out(view, index, ingress));
    }
    problems
}

fn bad(ingress: &IngressFacts, plan: &mut Plan, message: String) {
    let event = Event::warning(Kind::Ingress, &ingress.metadata, "BadConfig", message);
    plan.steps.push(Step { writes: Vec::new(), events: vec![event] });
}

/// Returns one Certificate for each block of `spec.tls`, and the problems. No Certificates are returned if the Ingress
/// asks for none or contradicts itself: those made before then stay.
fn wanted(ingress: &IngressFacts, settings: &Settings) -> (Option<Vec<Certificate>>, Vec<String>) {
    let mut problems = Vec::new();
    match read(ingress, settings, &mut problems) {
        Ok(wanted) => (wanted, problems),
        Err(message) => {
            problems.push(message);
            (None, problems)
        }
    }
}

fn read(
    ingress: &IngressFacts,
    settings: &Settings,
    problems: &mut Vec<String>,
) -> Result<Option<Vec<Certificate>>, String> {
    let Some(issuer) = annotations::issuer(&ingress.metadata, settings)? else { return Ok(None) };
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::new();
    for (index, tls) in ingress.tls.iter().enumerate() {
        let missing = if tls.hosts.is_empty() {
            Some("hosts")
        } else if tls.secret_name.is_empty() {
            Some("secretName")
        } else {
            None
        };
        if let Some(field) = missing {
            problems.push(format!("Skipped a TLS block: spec.tls[{index}].{field}: Required value"));
            continue;
        }
        if !seen.insert(tls.secret_name.as_str()) {
            return Err(format!(
                "Secret name {:?} is used in several blocks of spec.tls: each needs one of its own",
                tls.secret_name
            ));
        }
        wanted.push(certificate(ingress, &issuer, &tls.secret_name, &tls.hosts)?);
    }
    Ok(Some(wanted))
}

fn certificate(
    ingress: &IngressFacts,
    issuer: &IssuerRef,
    secret_name: &str,
    hosts: &[String],
) -> Result<Certificate, String> {
    let from = &ingress.metadata;
    let mut metadata = Meta::named(Key::new(from.namespace.clone(), secret_name));
    metadata.labels = from.labels.clone();
    metadata.labels.remove("applyset.kubernetes.io/part-of");
    metadata.annotations = annotations::passed_on(from)?;
    metadata.owner_references = vec![Owner::controller("networking.k8s.io/v1", "Ingress", from)];
    let (ip_addresses, dns_names) = hosts.iter().cloned().partition(|host| host.parse::<IpAddr>().is_ok());
    let mut spec = CertificateSpec {
        secret_name: secret_name.to_owned(),
        issuer_ref: issuer.clone(),
        dns_names,
        ip_addresses,
        usages: vec!["digital signature".to_owned(), "key encipherment".to_owned()],
        ..CertificateSpec::default()
    };
    annotations::apply(from, &mut spec)?;
    Ok(Object { metadata, spec, status: CertificateStatus::default() })
}

/// Creates a Certificate, or updates one that belongs to this Ingress. Those of other owners are not changed.
fn upsert(context: &Context<'_>, ingress: &IngressFacts, wanted: Certificate) -> Option<Step> {
    let name = wanted.metadata.name.clone();
    let Some(present) = context.view.certificates.get(&wanted.key()) else {
        if context.index.elder(ingress, &name).is_some() {
            return None;
        }
        let message = format!("Successfully created Certificate {name:?}");
        let event = Event::normal(Kind::Ingress, &ingress.metadata, "CreateCertificate", message);
        return Some(Step::write(Write::Create(wanted.into())).with(event));
    };
    if !present.metadata.controlled_by("Ingress", &ingress.metadata) {
        return None;
    }
    let mut changed = Certificate::clone(present);
    changed.spec = wanted.spec;
    changed.metadata.labels = wanted.metadata.labels;
    for name in annotations::PASSED_ON {
        match wanted.metadata.annotations.get(name) {
            Some(value) => changed.metadata.annotations.insert(name.to_owned(), value.clone()),
            None if name == crate::names::TEMPORARY => None,
            None => changed.metadata.annotations.remove(name),
        };
    }
    if changed == **present {
        return None;
    }
    let message = format!("Successfully updated Certificate {name:?}");
    let event = Event::normal(Kind::Ingress, &ingress.metadata, "UpdateCertificate", message);
    Some(Step::write(Write::Update(changed.into())).with(event))
}
