use super::certificate::{CertificateInfo, Loaded, load};
use super::fallback;
use super::index::Index;
use super::options::Settings;
use flow_model::config::{Certificate, Objects, TlsOptions};
use flow_model::diagnostic::Severity;
use flow_model::name::Name;
use hashbrown::HashMap;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use std::sync::Arc;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The option of connections whose name no router claims.
const DEFAULT: &str = "default";

/// What the TLS of a snapshot is made of.
#[derive(Clone, Copy)]
pub struct TlsInput<'a> {
    /// The certificates; what did not change is the same `Arc` as before.
    pub certificates: &'a [Arc<Certificate>],
    /// The one where no other fits; `None`: a self-signed one.
    pub default: Option<&'a Certificate>,
    /// Options by the names that `hosts` uses, `default` among them or implied.
    pub options: &'a Objects<TlsOptions>,
    /// For each entry point, by its index: hosts in lower case (or `*.x`) whose connections get other options.
    pub hosts: &'a [HashMap<Name, Name, foldhash::fast::RandomState>],
}

/// What a finding is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsSubject {
    /// A certificate, by its place in the input.
    Certificate(usize),
    /// The default certificate.
    DefaultCertificate,
    /// An option.
    Options(Name),
}

/// Something that is not served, or not as written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFinding {
    /// Of what.
    pub subject: TlsSubject,
    /// How bad.
    pub severity: Severity,
    /// What is wrong; one sentence without a full stop.
    pub message: String,
}

/// Certificates and options as connections get them. Immutable.
#[derive(Debug)]
pub struct TlsState {
    pub(super) certificates: Vec<(Arc<Certificate>, Option<Arc<Loaded>>)>,
    default: Option<(Certificate, Arc<Loaded>)>,
    pub(super) index: Arc<Index>,
    options: Map<Name, Option<Served>>,
    hosts: Vec<Map<Name, Name>>,
    default_name: Name,
}

/// An option that can be served.
#[derive(Debug)]
pub(super) struct Served {
    source: Arc<TlsOptions>,
    /// What was found when it was compiled.
    notes: Vec<(Severity, String)>,
    pub(super) settings: Arc<Settings>,
    /// With the state's certificates.
    pub(super) config: Arc<ServerConfig>,
}

impl TlsState {
    /// Compiles `input`. What `previous` has already read is taken from it; sessions and tickets of options that did
    /// not change stay good.
    ///
    /// A certificate or an option that cannot be served is a finding, and the others are served.
    pub fn compile(input: TlsInput<'_>, previous: Option<&Self>) -> (Self, Vec<TlsFinding>) {
        let mut findings = Vec::new();
        let certificates = load_all(input.certificates, previous, &mut findings);
        let default = load_default(input.default, previous, &mut findings);
        let fallback = match &default {
            Some((_, loaded)) => Some(Arc::clone(loaded)),
            None => fallback::certificate(),
        };
        let index = Arc::new(Index::new(certificates.iter().filter_map(|(_, loaded)| loaded.clone()), fallback));
        let options = compile_options(input.options, &index, previous, &mut findings);
        let hosts = input.hosts.to_vec();
        (Self { certificates, default, index, options, hosts, default_name: Name::from(DEFAULT) }, findings)
    }

    /// The certificates that are served and where each comes from, the default one last if it was given.
    pub fn certificates(&self) -> impl Iterator<Item = (&Name, &CertificateInfo)> {
        let default = self.default.iter().map(|(source, loaded)| (&source.origin, &loaded.info));
        self.certificates
            .iter()
            .filter_map(|(source, loaded)| Some((&source.origin, &loaded.as_ref()?.info)))
            .chain(default)
    }

    /// The option for `name` (lower case) at an entry point, and what is served of it: `None` where it is broken.
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

fn load_all(
    given: &[Arc<Certificate>],
    previous: Option<&TlsState>,
    findings: &mut Vec<TlsFinding>,
) -> Vec<(Arc<Certificate>, Option<Arc<Loaded>>)> {
    let mut known: Map<*const Certificate, &Arc<Loaded>> = HashMap::default();
    for (certificate, loaded) in previous.into_iter().flat_map(|previous| &previous.certificates) {
        known.extend(loaded.as_ref().map(|loaded| (Arc::as_ptr(certificate), loaded)));
    }
    let mut all = Vec::with_capacity(given.len());
    for (index, certificate) in given.iter().enumerate() {
        // The addresses are compared while `previous` holds what stands there.
        let loaded = match known.get(&Arc::as_ptr(certificate)) {
            Some(loaded) => Some(Arc::clone(loaded)),
            None => load_one(certificate, TlsSubject::Certificate(index), findings),
        };
        all.push((Arc::clone(certificate), loaded));
    }
    all
}

fn load_default(
    given: Option<&Certificate>,
    previous: Option<&TlsState>,
    findings: &mut Vec<TlsFinding>,
) -> Option<(Certificate, Arc<Loaded>)> {
    let given = given?;
    let known = previous.and_then(|previous| previous.default.as_ref()).filter(|(known, _)| known == given);
    let loaded = match known {
        Some((_, loaded)) => Arc::clone(loaded),
        None => load_one(given, TlsSubject::DefaultCertificate, findings)?,
    };
    Some((given.clone(), loaded))
}

fn load_one(certificate: &Certificate, subject: TlsSubject, findings: &mut Vec<TlsFinding>) -> Option<Arc<Loaded>> {
    match load(certificate) {
        Ok(loaded) => Some(Arc::new(loaded)),
        Err(error) => {
            findings.push(TlsFinding { subject, severity: Severity::Error, message: error.to_string() });
            None
        }
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
                        notes.push((Severity::Error, error.to_string()));
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
                let config = settings.with(Arc::clone(index) as Arc<dyn ResolvesServerCert>);
                Served { source, notes, settings, config }
            });
            (name, served)
        })
        .collect()
}
