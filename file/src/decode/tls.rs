use super::content::{ContentError, ReadFile, content, text};
use super::fault::{Fault, Scope};
use super::findings::Findings;
use super::node::Node;
use super::written::Written;
use flow_model::config::{Certificate, Domain, GeneratedCertificate, TlsOptions, TlsStore};
use serde::Deserialize;

/// The only store that is used.
pub(super) const DEFAULT: &str = "default";

/// A certificate and its key, each in PEM or as the name of a file.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pair {
    cert_file: String,
    key_file: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair")
    }
}

/// A certificate of clients' connections as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    cert_file: String,
    key_file: String,
    stores: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Store {
    default_certificate: Option<Pair>,
    default_generated_cert: Option<Generated>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Generated {
    resolver: String,
    domain: Option<Domain>,
}

/// Reads the content of a pair. `origin` stands for it in messages if it is not the name of a file. The error has the
/// key that it is about.
pub(super) fn certificate(
    pair: &Pair,
    origin: &str,
    read: ReadFile<'_>,
) -> Result<Certificate, (&'static str, ContentError)> {
    let chain = content(&pair.cert_file, read).map_err(|error| ("certFile", error))?;
    let key = content(&pair.key_file, read).map_err(|error| ("keyFile", error))?;
    let inline = pair.cert_file.contains("-----BEGIN");
    Ok(Certificate { origin: if inline { origin } else { &pair.cert_file }.into(), chain, key })
}

/// Reads the list of certificates; `file` is the name of the file that it is in. As in Traefik, one that cannot be read
/// is left out.
pub(super) fn certificates(
    node: &Node,
    file: &str,
    read: ReadFile<'_>,
    findings: &mut Findings,
) -> Result<Vec<Certificate>, Fault> {
    let entries = Vec::<Entry>::deserialize(Written(node))?;
    let mut found = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let at = format!("[{index}]");
        if !entry.stores.is_empty() && !entry.stores.iter().any(|store| store == DEFAULT) {
            findings.warn(&[&at, "stores"], "only the store named default is used: this certificate is not served");
            continue;
        }
        let pair = Pair { cert_file: entry.cert_file, key_file: entry.key_file };
        match certificate(&pair, &format!("{file} {at}"), read) {
            Ok(certificate) => found.push(certificate),
            Err((key, error)) => findings.error(&[&at, key], error),
        }
    }
    Ok(found)
}

/// Reads the store `name`.
pub(super) fn store(name: &str, node: &Node, read: ReadFile<'_>, findings: &mut Findings) -> Result<TlsStore, Fault> {
    let spec = Store::deserialize(Written(node))?;
    if name != DEFAULT {
        findings.warn(&[], "only the store named default is used");
    }
    let mut store = TlsStore {
        default_certificate: None,
        default_generated: spec.default_generated_cert.map(|wanted| GeneratedCertificate {
            resolver: wanted.resolver.as_str().into(),
            domain: wanted.domain.unwrap_or_default(),
        }),
    };
    if let Some(pair) = spec.default_certificate {
        match certificate(&pair, DEFAULT, read) {
            Ok(certificate) => store.default_certificate = Some(certificate),
            Err((key, error)) => findings.error(&["defaultCertificate", key], error),
        }
    }
    Ok(store)
}

/// Reads TLS options. Authorities that cannot be read are left out, as in Traefik; without any the options are broken.
pub(super) fn options(node: &Node, read: ReadFile<'_>, findings: &mut Findings) -> Result<TlsOptions, Fault> {
    let mut node = node.clone();
    if node.take("preferServerCipherSuites").is_some() {
        findings.warn(&["preferServerCipherSuites"], "it has no effect, as in Traefik 3");
    }
    let mut options = match TlsOptions::deserialize(Written(&node)) {
        Ok(options) => options,
        Err(fault) if fault.scope == Scope::Object => {
            findings.fault(&fault);
            return Ok(TlsOptions { broken: Some(fault.message), ..TlsOptions::default() });
        }
        Err(fault) => return Err(fault),
    };
    if let Some(auth) = &mut options.client_auth {
        let given = std::mem::take(&mut auth.ca_files);
        for (index, given) in given.iter().enumerate() {
            match text(given, read) {
                Ok(pem) => auth.ca_files.push(pem),
                Err(error) => findings.error(&["clientAuth", "caFiles", &format!("[{index}]")], error),
            }
        }
        if !given.is_empty() && auth.ca_files.is_empty() {
            options.broken = Some("none of the authorities for client certificates can be read".to_owned());
        }
    }
    Ok(options)
}
