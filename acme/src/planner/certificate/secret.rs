//! The content of the target Secret.

use super::{Subject, keystore};
use crate::names::{CERTIFICATE_NAME, FAO, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME, fnv32};
use crate::objects::{CA_CRT, Certificate, GROUP, Key, Meta, Owner, Secret, VERSION};
use crate::planner::action::{Event, Kind, Step, Write};
use crate::planner::context::Context;
use crate::x509::Leaf;
use crate::x509::key::PrivateKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use std::collections::BTreeMap;

/// Annotation with a hash of the names that the template added and of the additional formats, so that they can be removed
/// when they leave the spec.
const TEMPLATE: &str = "flow-proxy.ominis.ai/secret-template";

/// Entries that flow-proxy writes in the Secret of a Certificate.
const WRITTEN: [&str; 9] = [
    "ca.crt",
    "key.der",
    "keystore.jks",
    "keystore.p12",
    "tls-combined.pem",
    "tls.crt",
    "tls.key",
    "truststore.jks",
    "truststore.p12",
];

/// Returns the Secret with an issued certificate.
pub(super) fn issued(
    context: &Context<'_>,
    subject: &Subject<'_>,
    chain: &[u8],
    ca: &[u8],
    leaf: &Leaf,
    key: &PrivateKey,
) -> Option<Secret> {
    let encoding = subject.certificate.spec.private_key.as_ref().and_then(|key| key.encoding).unwrap_or_default();
    let mut secret = base(context, subject, chain, ca, key.to_pem(encoding).as_bytes())?;
    note_issuer(&mut secret.metadata, subject.certificate, leaf);
    Some(secret)
}

/// Returns the Secret with a temporary certificate. It names no issuer, so that it never counts as issued.
pub(super) fn temporary(
    context: &Context<'_>,
    subject: &Subject<'_>,
    chain: &[u8],
    key: &PrivateKey,
) -> Option<Secret> {
    let encoding = subject.certificate.spec.private_key.as_ref().and_then(|key| key.encoding).unwrap_or_default();
    base(context, subject, chain, &[], key.to_pem(encoding).as_bytes())
}

/// Returns the Secret with a chain, the CA's topmost certificate, and a key.
fn base(context: &Context<'_>, subject: &Subject<'_>, chain: &[u8], ca: &[u8], key: &[u8]) -> Option<Secret> {
    if subject.outranked.is_some() {
        return None;
    }
    let certificate = subject.certificate;
    let spec = &certificate.spec;
    let mut metadata = Meta::named(Key::new(certificate.metadata.namespace.clone(), spec.secret_name.clone()));
    template(&mut metadata, certificate);
    metadata.labels.insert(FAO.to_owned(), "true".to_owned());
    metadata.annotations.insert(CERTIFICATE_NAME.to_owned(), certificate.metadata.name.clone());
    if context.settings.owner_references {
        metadata.owner_references =
            vec![Owner::controller(&format!("{GROUP}/{VERSION}"), "Certificate", &certificate.metadata)];
    }
    let mut data = BTreeMap::from([("tls.crt".to_owned(), chain.to_vec()), ("tls.key".to_owned(), key.to_vec())]);
    if !ca.is_empty() {
        data.insert(CA_CRT.to_owned(), ca.to_vec());
    }
    for format in &spec.additional_output_formats {
        match format.kind.as_str() {
            "DER" => {
                if let Ok(der) = PrivateKeyDer::from_pem_slice(key) {
                    data.insert("key.der".to_owned(), der.secret_der().to_vec());
                }
            }
            "CombinedPEM" => {
                data.insert("tls-combined.pem".to_owned(), [key, b"\n", chain].concat());
            }
            _ => {}
        }
    }
    // The type of an existing Secret cannot be changed.
    let kind = subject.secret.map_or("kubernetes.io/tls", |present| &present.kind);
    let mut secret = Secret::new(metadata, kind, data);
    keystore::add(context.view, subject, &mut secret);
    Some(secret)
}

fn template(metadata: &mut Meta, certificate: &Certificate) {
    let mut names: Vec<&String> =
        certificate.spec.additional_output_formats.iter().map(|format| &format.kind).collect();
    if let Some(template) = &certificate.spec.secret_template {
        let reserved = |name: &str| name.split('/').next().is_some_and(|prefix| prefix.ends_with("cert-manager.io"));
        let free = |(name, value): (&String, &String)| (!reserved(name)).then(|| (name.clone(), value.clone()));
        metadata.labels.extend(template.labels.iter().filter_map(free));
        metadata.annotations.extend(template.annotations.iter().filter_map(free));
        names.extend(template.labels.keys().chain(template.annotations.keys()));
    }
    if !names.is_empty() {
        let hash = fnv32(format!("{names:?}").as_bytes());
        metadata.annotations.insert(TEMPLATE.to_owned(), format!("{hash:08x}"));
    }
}

fn note_issuer(metadata: &mut Meta, certificate: &Certificate, leaf: &Leaf) {
    let reference = &certificate.spec.issuer_ref;
    let subject = &leaf.subject;
    for (name, value) in [
        (ISSUER_NAME, reference.name.clone()),
        (ISSUER_KIND, reference.kind().to_owned()),
        (ISSUER_GROUP, reference.group().to_owned()),
        ("cert-manager.io/common-name", leaf.common_name.clone()),
        ("cert-manager.io/alt-names", csv(&leaf.dns_names)),
        ("cert-manager.io/ip-sans", csv(&leaf.ip_addresses)),
        ("cert-manager.io/uri-sans", csv(&leaf.uris)),
    ] {
        metadata.annotations.insert(name.to_owned(), value);
    }
    for (name, values) in [
        ("cert-manager.io/email-sans", &leaf.emails),
        ("cert-manager.io/subject-organizations", &subject.organizations),
        ("cert-manager.io/subject-organizationalunits", &subject.organizational_units),
        ("cert-manager.io/subject-countries", &subject.countries),
        ("cert-manager.io/subject-provinces", &subject.provinces),
        ("cert-manager.io/subject-localities", &subject.localities),
    ] {
        if !values.is_empty() {
            metadata.annotations.insert(name.to_owned(), csv(values));
        }
    }
    if !subject.serial_number.is_empty() {
        metadata.annotations.insert("cert-manager.io/subject-serialnumber".to_owned(), subject.serial_number.clone());
    }
}

/// Formats a line of CSV as Go's `encoding/csv` does.
fn csv(values: &[String]) -> String {
    let quoted = values.iter().map(|value| {
        let special = value.contains([',', '"', '\r', '\n']) || value.starts_with([' ', '\t']) || value == r"\.";
        if special { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.clone() }
    });
    quoted.collect::<Vec<_>>().join(",")
}

/// Repairs labels, annotations and additional formats of a Secret whose certificate is valid.
pub(super) fn upkeep(context: &Context<'_>, subject: &Subject<'_>) -> Option<Step> {
    let present = subject.secret?;
    let leaf = present.leaf().ok()?;
    let ca = present.entry(CA_CRT).unwrap_or_default();
    let mut wanted = base(context, subject, present.entry("tls.crt")?, ca, present.entry("tls.key")?)?;
    note_issuer(&mut wanted.metadata, subject.certificate, &leaf);
    let has = |wanted: &BTreeMap<String, String>, present: &BTreeMap<String, String>| {
        wanted.iter().all(|(name, value)| present.get(name) == Some(value))
    };
    let same = has(&wanted.metadata.labels, &present.metadata.labels)
        && has(&wanted.metadata.annotations, &present.metadata.annotations)
        && wanted.data.iter().all(|(name, value)| present.data.get(name) == Some(value))
        && [TEMPLATE, &keystore::annotation()]
            .into_iter()
            .all(|name| present.metadata.annotation(name) == wanted.metadata.annotation(name))
        && wanted.metadata.owner_references.iter().all(|owner| present.metadata.owner_references.contains(owner));
    if same {
        return None;
    }
    // The precondition keeps a key that has been replaced meanwhile from coming back.
    wanted.metadata.resource_version.clone_from(&present.metadata.resource_version);
    Some(Step::write(Write::Apply(Box::new(wanted))))
}

/// Warns if the Secret existed before with another purpose: says what is written into it and what stays.
pub(super) fn not_made_here(subject: &Subject<'_>) -> Option<Event> {
    let (certificate, present) = (subject.certificate, subject.secret?);
    let owner = present.metadata.controller().filter(|owner| owner.kind != "Certificate");
    let more: Vec<&str> = present.data.keys().map(String::as_str).filter(|name| !WRITTEN.contains(name)).collect();
    let known = present.metadata.annotations.contains_key(CERTIFICATE_NAME);
    if owner.is_none() && (known || (more.is_empty() && present.kind == "kubernetes.io/tls")) {
        return None;
    }
    let mut message =
        format!("Secret {:?} was there before: its type stays {}", certificate.spec.secret_name, present.kind);
    if !more.is_empty() {
        message.push_str(&format!(", its entries {} stay", more.join(", ")));
    }
    if let Some(owner) = owner {
        message.push_str(&format!(", and {} {:?}, which owns it, may undo what is written", owner.kind, owner.name));
    }
    message.push_str("; tls.crt and tls.key are written: choose another secretName where that is not meant");
    Some(Event::warning(Kind::Certificate, &certificate.metadata, "SecretInUse", message))
}
