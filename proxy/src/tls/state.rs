use super::finding::{TlsFinding, TlsSubject};
use super::index::Index;
use super::keyring::Keyring;
use super::options::{Order, Settings};
use flow_model::config::{Certificate, Domain, Objects, TlsOptions};
use flow_model::diagnostic::{Severity, causes};
use flow_model::name::Name;
use flow_model::runtime::CertificateInfo;
use hashbrown::HashMap;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureScheme};
use std::sync::Arc;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The option of connections whose name is in no router's rule.
const DEFAULT: &str = "default";

/// The certificate if no other fits.
#[derive(Clone, Copy, Debug, Default)]
pub enum DefaultCertificate<'a> {
    /// A self-signed one.
    #[default]
    SelfSigned,
    /// A configured one.
    Given(&'a Certificate),
    /// The one among all certificates that is for just these names; a self-signed one as long as there is none.
    For(&'a Domain),
}

impl<'a> DefaultCertificate<'a> {
    pub(super) fn given(self) -> Option<&'a Certificate> {
        match self {
            Self::Given(certificate) => Some(certificate),
            Self::SelfSigned | Self::For(_) => None,
        }
    }

    /// The names of [`Self::For`] in lower case, sorted.
    pub(super) fn names(self) -> Box<[Arc<str>]> {
        let Self::For(domain) = self else { return Box::default() };
        let names = std::iter::once(&domain.main).chain(&domain.sans).filter(|name| !name.is_empty());
        let mut names: Vec<Arc<str>> = names.map(|name| name.to_ascii_lowercase().into()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_boxed_slice()
    }
}

/// The input for the TLS part of a snapshot.
#[derive(Clone, Copy)]
pub struct TlsInput<'a> {
    /// The certificates; unchanged ones are the same `Arc` as before.
    pub certificates: &'a [Arc<Certificate>],
    /// The certificate if no other fits.
    pub default: DefaultCertificate<'a>,
    /// Options by the names used in `hosts`, including or implying `default`.
    pub options: &'a Objects<TlsOptions>,
    /// For each entry point, by its index: hosts in lower case (or `*.x`) whose connections get other options.
    pub hosts: &'a [HashMap<Name, Name, foldhash::fast::RandomState>],
}

/// Compiled certificates and options for connections. Immutable.
#[derive(Debug)]
pub struct TlsState {
    pub(super) keyring: Arc<Keyring>,
    options: Map<Name, Option<Served>>,
    hosts: Vec<Map<Name, Name>>,
    default_name: Name,
}

/// An option that can be served.
#[derive(Debug)]
pub(super) struct Served {
    source: Arc<TlsOptions>,
    /// The findings from its compilation.
    notes: Vec<(Severity, String)>,
    pub(super) settings: Arc<Settings>,
    /// With the state's certificates, one for each order.
    ours: Arc<ServerConfig>,
    theirs: Arc<ServerConfig>,
}

impl Served {
    /// The configuration for clients of that order.
    pub(super) fn config(&self, order: Order) -> &Arc<ServerConfig> {
        match order {
            Order::Ours => &self.ours,
            Order::Theirs => &self.theirs,
        }
    }
}

impl TlsState {
    /// Compiles `input`. Objects that `previous` has already read are reused; sessions and tickets of unchanged options
    /// stay valid.
    ///
    /// A certificate or an option that cannot be served becomes a finding, and the others are served.
    pub fn compile(input: TlsInput<'_>, previous: Option<&Self>) -> (Self, Vec<TlsFinding>) {
        let keyring = Keyring::new(input.certificates, input.default, previous.map(|previous| &previous.keyring));
        let mut findings = keyring.findings.clone();
        let options = compile_options(input.options, &keyring.index, previous, &mut findings);
        (Self { keyring, options, hosts: input.hosts.to_vec(), default_name: Name::from(DEFAULT) }, findings)
    }

    /// The served certificates, the default one last if it was configured.
    pub fn certificates(&self) -> impl Iterator<Item = &Arc<CertificateInfo>> {
        self.keyring.served()
    }

    /// The certificate for a server name (in lower case): an exact match, else a wildcard for its first label. Of
    /// several the first whose key fits `schemes`; `None` if only the default one is left.
    #[must_use]
    pub fn certificate(&self, server_name: &str, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        self.keyring.index.find(server_name, schemes)
    }

    /// True if both have the same certificates.
    pub(crate) fn has_certificates_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keyring, &other.keyring)
    }

    /// The option for connections to `name` at an entry point, if it can be served.
    #[cfg(test)]
    pub(crate) fn served_option(&self, entry_point: usize, name: &str) -> Option<Name> {
        let (option, served) = self.option_for(entry_point, name);
        served.map(|_| option)
    }

    /// The option for `name` (lower case) at an entry point, and its compiled form: `None` if it is invalid.
    pub(super) fn option_for(&self, entry_point: usize, name: &str) -> (Name, Option<&Served>) {
        let hosts = self.hosts.get(entry_point).filter(|hosts| !hosts.is_empty());
        let option = hosts
            .and_then(|hosts| hosts.get(name).or_else(|| hosts.get(&*format!("*{}", name.get(name.find('.')?..)?))));
        let (option, served) = match option {
            Some(option) => (option.clone(), self.options.get(option)),
            None => (self.default_name.clone(), self.options.get(DEFAULT)),
        };
        (option, served.and_then(Option::as_ref))
    }
}

fn compile_options(
    given: &Objects<TlsOptions>,
    index: &Arc<Index>,
    previous: Option<&TlsState>,
    findings: &mut Vec<TlsFinding>,
) -> Map<Name, Option<Served>> {
    let implied = (!given.contains_key(DEFAULT)).then(|| (Name::from(DEFAULT), Arc::new(TlsOptions::default())));
    let given = given.iter().map(|(name, options)| (name.clone(), Arc::clone(options))).chain(implied);
    given
        .map(|(name, source)| {
            let known = previous.and_then(|previous| previous.options.get(&name)?.as_ref());
            let mut notes = Vec::new();
            let settings = match known.filter(|known| known.source == source) {
                Some(known) => {
                    notes.clone_from(&known.notes);
                    Some(Arc::clone(&known.settings))
                }
                None => match Settings::compile(&source, &mut |severity, message| notes.push((severity, message))) {
                    Ok(settings) => Some(Arc::new(settings)),
                    Err(error) => {
                        notes.push((Severity::Error, causes(&error)));
                        None
                    }
                },
            };
            findings.extend(notes.iter().map(|(severity, message)| TlsFinding {
                subject: TlsSubject::Options(name.clone()),
                severity: *severity,
                message: message.clone(),
            }));
            let served = settings.map(|settings| {
                let config = |order| settings.with(Arc::clone(index) as Arc<dyn ResolvesServerCert>, order);
                Served { ours: config(Order::Ours), theirs: config(Order::Theirs), source, notes, settings }
            });
            (name, served)
        })
        .collect()
}
