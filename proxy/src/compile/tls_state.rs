//! TLS towards clients, compiled from the certificates and options of all providers.

use super::http::tls_options::DEFAULT;
use super::lookup::Lookup;
use super::names::ByName;
use crate::tls::{DefaultCertificate, TlsFinding, TlsInput, TlsState, TlsSubject};
use flow_model::config::{Certificate, GeneratedCertificate, Objects, Source, TlsOptions, TlsStore};
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::name::{Name, qualify};
use flow_model::runtime::CertificateInfo;
use std::sync::Arc;

/// Certificates and options. `hosts` are the options of hosts by index of the entry points, and `last` is the state
/// from before, whose unchanged parts are kept.
pub(super) fn compile(
    sources: &[Source],
    hosts: &[ByName<Name>],
    last: Option<&TlsState>,
) -> (TlsState, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let certificates: Vec<Arc<Certificate>> =
        sources.iter().flat_map(|source| source.config.certificates.iter().cloned()).collect();
    let subject = || Subject::new("TLSStore", "", DEFAULT);
    if stores(sources).nth(1).is_some() {
        let message = "more than one provider has a TLS store named default: none of them is used";
        diagnostics.push(Diagnostic::error(subject(), message));
    }
    let store = store(sources);
    let generated = store.filter(|store| useless(store).is_none()).and_then(|store| store.default_generated.as_ref());
    if let Some(useless) = store.and_then(useless) {
        diagnostics.push(Diagnostic::warning(subject(), useless));
    }
    let default = match store.and_then(|store| store.default_certificate.as_ref()) {
        Some(certificate) => DefaultCertificate::Given(certificate),
        None => generated.map_or_else(Default::default, |wanted| DefaultCertificate::For(&wanted.domain)),
    };
    let options = options(sources);
    let input = TlsInput { certificates: &certificates, default, options: &options, hosts };
    let (state, findings) = TlsState::compile(input, last);
    diagnostics.extend(findings.into_iter().map(|finding| describe(finding, &certificates)));
    (state, diagnostics)
}

fn stores(sources: &[Source]) -> impl Iterator<Item = &Arc<TlsStore>> {
    sources.iter().filter_map(|source| source.config.tls_stores.get(DEFAULT))
}

/// The store named default, if only one provider has it.
fn store(sources: &[Source]) -> Option<&TlsStore> {
    let mut stores = stores(sources);
    let first = stores.next()?;
    stores.next().is_none().then_some(&**first)
}

/// The reason why a store's request for a default certificate has no effect.
fn useless(store: &TlsStore) -> Option<&'static str> {
    let wanted = store.default_generated.as_ref()?;
    if store.default_certificate.is_some() {
        Some("defaultGeneratedCert has no effect beside defaultCertificate")
    } else if wanted.resolver.is_empty() || wanted.domain.main.is_empty() {
        Some("defaultGeneratedCert has no effect without a resolver and a domain's main name")
    } else {
        None
    }
}

/// The default certificate that a resolver is asked for.
pub(super) fn generated(sources: &[Source]) -> Option<GeneratedCertificate> {
    let store = store(sources).filter(|store| useless(store).is_none())?;
    store.default_generated.clone()
}

/// The options of all providers by qualified name. The default ones have no provider's name.
fn options(sources: &[Source]) -> Objects<TlsOptions> {
    let mut options: Objects<TlsOptions> = Objects::default();
    for source in sources {
        for (name, config) in &source.config.tls_options {
            if &**name != DEFAULT {
                options.insert(qualify(name, &source.provider), Arc::clone(config));
            }
        }
    }
    if let Some(default) = Lookup(sources).tls_options(DEFAULT) {
        options.insert(Name::from(DEFAULT), Arc::clone(default));
    }
    options
}

fn describe(finding: TlsFinding, certificates: &[Arc<Certificate>]) -> Diagnostic {
    let subject = match finding.subject {
        TlsSubject::Certificate(index) => {
            let origin = certificates.get(index).map(|c| Arc::clone(&c.origin)).unwrap_or_default();
            Subject::new("certificate", "", origin)
        }
        TlsSubject::DefaultCertificate => Subject::new("certificate", "", "default"),
        TlsSubject::Options(name) => Subject::new("TLSOption", "", name),
    };
    Diagnostic { severity: finding.severity, subject, message: finding.message }
}

/// The served certificates, as the API shows them.
pub(super) fn certificates(tls: &TlsState) -> Arc<[Arc<CertificateInfo>]> {
    tls.certificates().cloned().collect()
}
