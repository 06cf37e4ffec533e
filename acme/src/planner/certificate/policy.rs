//! The comparison of the Secret with the Certificate: cert-manager's checks, in its order.

use super::Subject;
use crate::names::{CERTIFICATE_NAME, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME};
use crate::objects::{CertificateRequest, CertificateSpec, IssuerRef, Secret};
use crate::x509::Leaf;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A difference between the Secret and the Certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Violation {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

fn wrong(reason: &'static str, message: impl Into<String>) -> Option<Violation> {
    Some(Violation { reason, message: message.into() })
}

/// Returns the first difference.
pub(super) fn violation(subject: &Subject<'_>) -> Option<Violation> {
    let spec = &subject.certificate.spec;
    let Some(secret) = subject.secret else {
        return wrong("DoesNotExist", "Issuing certificate as Secret does not exist");
    };
    let missing = if secret.data.values().all(Vec::is_empty) {
        Some("any data")
    } else if secret.entry("tls.key").is_none() {
        Some("a private key")
    } else if secret.entry("tls.crt").is_none() {
        Some("a certificate")
    } else {
        None
    };
    if let Some(missing) = missing {
        return wrong("MissingData", format!("Issuing certificate as Secret does not contain {missing}"));
    }
    let key = match secret.key_facts() {
        Ok(key) => key,
        Err(error) => {
            let message = format!("Issuing certificate as Secret contains invalid private key data: {error}");
            return wrong("InvalidKeyPair", message);
        }
    };
    let leaf = match secret.leaf() {
        Ok(leaf) => leaf,
        Err(error) => {
            let message = format!("Issuing certificate as Secret contains an invalid certificate: {error}");
            return wrong("InvalidCertificate", message);
        }
    };
    if leaf.public_key != key.public_key {
        let message =
            "Issuing certificate as Secret contains a private key that does not match the certificate".to_owned();
        return wrong("InvalidKeyPair", message);
    }
    if let Some(violation) = wrong_issuer(secret, spec).or_else(|| wrong_certificate(secret, subject)) {
        return Some(violation);
    }
    let mismatch = key.violations(spec.private_key.as_ref());
    if !mismatch.is_empty() {
        let message = format!("Existing private key is not up to date for spec: [{}]", mismatch.join(" "));
        return wrong("SecretMismatch", message);
    }
    match subject.current {
        Some(request) => {
            if request.spec.csr().is_ok_and(|csr| csr.public_key != leaf.public_key) {
                let message = "Secret contains a private key that does not match the current CertificateRequest";
                return wrong("SecretMismatch", message);
            }
            let fields = request_violations(spec, request);
            if fields.is_empty() {
                return None;
            }
            let fields = fields.join(" ");
            wrong(
                "RequestChanged",
                format!("Fields on existing CertificateRequest resource not up to date: [{fields}]"),
            )
        }
        None => {
            let fields = leaf_violations(spec, &leaf);
            if fields.is_empty() {
                return None;
            }
            let fields = fields.join(" ");
            let message =
                format!("Issuing certificate as Existing issued Secret is not up to date for spec: [{fields}]");
            wrong("SecretMismatch", message)
        }
    }
}

/// A Secret without cert-manager's annotations is accepted if its names fit.
fn wrong_issuer(secret: &Secret, spec: &CertificateSpec) -> Option<Violation> {
    let note = |name| secret.metadata.annotation(name).unwrap_or_default();
    if note(ISSUER_NAME).is_empty() && note(CERTIFICATE_NAME).is_empty() {
        return None;
    }
    let written = IssuerRef {
        name: note(ISSUER_NAME).to_owned(),
        kind: note(ISSUER_KIND).to_owned(),
        group: note(ISSUER_GROUP).to_owned(),
    };
    if written.same(&spec.issuer_ref) {
        return None;
    }
    let message = format!(
        "Issuing certificate as Secret was previously issued by \"{}.{}/{}\"",
        written.kind(),
        written.group(),
        written.name
    );
    wrong("IncorrectIssuer", message)
}

fn wrong_certificate(secret: &Secret, subject: &Subject<'_>) -> Option<Violation> {
    let name = secret.metadata.annotation(CERTIFICATE_NAME)?;
    if name == subject.certificate.metadata.name {
        return None;
    }
    let message = format!(
        "Secret was issued for {name:?}. If this message is not transient, you might have two conflicting Certificates \
         pointing to the same secret."
    );
    wrong("IncorrectCertificate", message)
}

fn set(names: &[String]) -> BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}

/// Parsed addresses, so that different notations of one address are equal.
fn addresses(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| name.parse::<IpAddr>().map_or_else(|_| name.clone(), |ip| ip.to_string())).collect()
}

/// Returns the fields of the spec that the request does not meet.
pub(super) fn request_violations(spec: &CertificateSpec, request: &CertificateRequest) -> Vec<&'static str> {
    let Ok(csr) = request.spec.csr() else {
        return vec!["spec.request"];
    };
    let mut fields = Vec::new();
    let mut check = |same: bool, field| {
        if !same {
            fields.push(field);
        }
    };
    check(!spec.literal_subject.is_empty() || csr.common_name == spec.common_name, "spec.commonName");
    check(set(&csr.dns_names) == set(&spec.dns_names), "spec.dnsNames");
    check(addresses(&csr.ip_addresses) == addresses(&spec.ip_addresses), "spec.ipAddresses");
    check(set(&csr.uris) == set(&spec.uris), "spec.uris");
    check(set(&csr.emails) == set(&spec.email_addresses), "spec.emailAddresses");
    check(request.spec.is_ca == spec.is_ca, "spec.isCA");
    check(set(&request.spec.usages) == set(&spec.usages), "spec.usages");
    check(request.spec.duration == spec.duration, "spec.duration");
    check(request.spec.issuer_ref.same(&spec.issuer_ref), "spec.issuerRef");
    let common_differs = fields.contains(&"spec.commonName");
    fields.extend(csr.violations(spec).into_iter().filter(|field| !common_differs || *field != "spec.subject"));
    fields
}

/// Returns the fields of the spec that the certificate does not meet. CAs may drop or add the common name.
fn leaf_violations(spec: &CertificateSpec, leaf: &Leaf) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let common = spec.common_name.as_str();
    let names = set(&leaf.dns_names);
    if !common.is_empty() && leaf.common_name != common && !names.contains(common) {
        fields.push("spec.commonName");
    }
    let mut wanted = set(&spec.dns_names);
    let mut found = names;
    for extra in [common, leaf.common_name.as_str()] {
        wanted.insert(extra);
        found.insert(extra);
    }
    if wanted != found {
        fields.push("spec.dnsNames");
    }
    if addresses(&spec.ip_addresses) != addresses(&leaf.ip_addresses) {
        fields.push("spec.ipAddresses");
    }
    fields
}
