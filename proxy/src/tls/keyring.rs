use super::certificate::{Loaded, load};
use super::fallback;
use super::finding::{TlsFinding, TlsSubject};
use super::index::Index;
use super::state::DefaultCertificate;
use flow_model::config::Certificate;
use flow_model::diagnostic::{Severity, causes};
use flow_model::runtime::CertificateInfo;
use hashbrown::HashMap;
use std::sync::Arc;

/// The certificates of a state, kept while they are unchanged: most changes of a configuration concern other objects.
#[derive(Debug)]
pub(super) struct Keyring {
    pub(super) certificates: Vec<(Arc<Certificate>, Option<Arc<Loaded>>)>,
    default: Option<(Certificate, Option<Arc<Loaded>>)>,
    /// The names that the default certificate is wanted for, in lower case and sorted, where it is one of the others.
    default_names: Box<[Arc<str>]>,
    pub(super) index: Arc<Index>,
    /// The errors and warnings about them.
    pub(super) findings: Vec<TlsFinding>,
}

impl Keyring {
    /// Reads the certificates that `previous` has not read yet.
    pub(super) fn new(
        certificates: &[Arc<Certificate>],
        default: DefaultCertificate<'_>,
        previous: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let default_names = default.names();
        let default = default.given();
        if let Some(previous) = previous.filter(|previous| previous.is_of(certificates, default, &default_names)) {
            return Arc::clone(previous);
        }
        let previous = previous.map(|previous| &**previous);
        let mut findings = Vec::new();
        let certificates = load_all(certificates, previous, &mut findings);
        let default = default.map(|given| (given.clone(), load_default(given, previous, &mut findings)));
        let fallback = match &default {
            Some((_, Some(loaded))) => Some(Arc::clone(loaded)),
            _ => of_names(&certificates, &default_names).or_else(fallback::certificate),
        };
        let loaded = |keyring: &[(Arc<Certificate>, Option<Arc<Loaded>>)]| -> Vec<Arc<Loaded>> {
            keyring.iter().filter_map(|(_, loaded)| loaded.clone()).collect()
        };
        let before = previous.map(|previous| (&*previous.index, loaded(&previous.certificates)));
        let index = Arc::new(Index::following(before, &loaded(&certificates), fallback));
        Arc::new(Self { certificates, default, default_names, index, findings })
    }

    /// The served certificates, the default one last if it was configured.
    pub(super) fn served(&self) -> impl Iterator<Item = &Arc<CertificateInfo>> {
        let certificates = self.certificates.iter().map(|(_, loaded)| loaded);
        let default = self.default.iter().map(|(_, loaded)| loaded);
        certificates.chain(default).filter_map(|loaded| Some(&loaded.as_ref()?.info))
    }

    fn is_of(
        &self,
        certificates: &[Arc<Certificate>],
        default: Option<&Certificate>,
        default_names: &[Arc<str>],
    ) -> bool {
        self.certificates.len() == certificates.len()
            && self.certificates.iter().zip(certificates).all(|((known, _), given)| Arc::ptr_eq(known, given))
            && self.default.as_ref().map(|(known, _)| known) == default
            && *self.default_names == *default_names
    }
}

/// The certificate that is for just these names, if there are any.
fn of_names(certificates: &[(Arc<Certificate>, Option<Arc<Loaded>>)], names: &[Arc<str>]) -> Option<Arc<Loaded>> {
    let mut loaded = certificates.iter().filter_map(|(_, loaded)| loaded.as_ref());
    loaded.find(|loaded| !names.is_empty() && *loaded.names == *names).map(Arc::clone)
}

fn load_all(
    given: &[Arc<Certificate>],
    previous: Option<&Keyring>,
    findings: &mut Vec<TlsFinding>,
) -> Vec<(Arc<Certificate>, Option<Arc<Loaded>>)> {
    // The addresses are valid for comparison while `previous` holds the objects.
    let mut known: HashMap<*const Certificate, &Arc<Loaded>, foldhash::fast::RandomState> = HashMap::default();
    for (certificate, loaded) in previous.into_iter().flat_map(|previous| &previous.certificates) {
        known.extend(loaded.as_ref().map(|loaded| (Arc::as_ptr(certificate), loaded)));
    }
    let mut all = Vec::with_capacity(given.len());
    for (index, certificate) in given.iter().enumerate() {
        let loaded = match known.get(&Arc::as_ptr(certificate)) {
            Some(loaded) => Some(Arc::clone(loaded)),
            None => load_one(certificate, TlsSubject::Certificate(index), findings),
        };
        all.push((Arc::clone(certificate), loaded));
    }
    all
}

fn load_default(
    given: &Certificate,
    previous: Option<&Keyring>,
    findings: &mut Vec<TlsFinding>,
) -> Option<Arc<Loaded>> {
    match previous.and_then(|previous| previous.default.as_ref()) {
        Some((known, Some(loaded))) if known == given => Some(Arc::clone(loaded)),
        _ => load_one(given, TlsSubject::DefaultCertificate, findings),
    }
}

fn load_one(certificate: &Certificate, subject: TlsSubject, findings: &mut Vec<TlsFinding>) -> Option<Arc<Loaded>> {
    match load(certificate) {
        Ok(loaded) => Some(Arc::new(loaded)),
        Err(error) => {
            findings.push(TlsFinding { subject, severity: Severity::Error, message: causes(&error) });
            None
        }
    }
}
