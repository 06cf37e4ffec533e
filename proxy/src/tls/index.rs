use super::certificate::Loaded;
use hashbrown::HashMap;
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;

/// Certificates by name.
#[derive(Debug)]
pub(super) struct Index {
    by_name: HashMap<Box<str>, SmallVec<[Arc<Loaded>; 1]>, foldhash::fast::RandomState>,
    default: Option<Arc<Loaded>>,
}

impl Index {
    /// `certificates` in any order; of two for the very same names the first counts.
    pub(super) fn new(certificates: impl Iterator<Item = Arc<Loaded>>, default: Option<Arc<Loaded>>) -> Self {
        // Traefik tries them by the list of their names, from the last to the first.
        let mut keyed: Vec<(Vec<Box<str>>, Arc<Loaded>)> =
            certificates.map(|loaded| (loaded.names(), loaded)).collect();
        keyed.sort_by(|a, b| b.0.cmp(&a.0));
        keyed.dedup_by(|later, first| later.0 == first.0);
        let mut by_name: HashMap<Box<str>, SmallVec<[Arc<Loaded>; 1]>, _> = HashMap::default();
        for (names, loaded) in keyed {
            for name in names {
                by_name.entry(name).or_default().push(Arc::clone(&loaded));
            }
        }
        Self { by_name, default }
    }

    /// The certificate for names without one.
    pub(super) fn default(&self) -> Option<&Arc<CertifiedKey>> {
        self.default.as_ref().map(|loaded| &loaded.key)
    }

    /// The certificate for `name` (in lower case): an exact match, else a wildcard for its first label. Of several, the
    /// first whose key the client can verify.
    pub(super) fn find(&self, name: &str, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        self.best(name, schemes).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            let mut wildcard: SmallVec<[u8; 128]> = SmallVec::from_slice(b"*.");
            wildcard.extend_from_slice(parent.as_bytes());
            self.best(std::str::from_utf8(&wildcard).ok()?, schemes)
        })
    }

    /// The certificate for a client that names no host, by the address that it connected to.
    pub(super) fn find_address(&self, address: IpAddr, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        self.best(&address.to_string(), schemes)
    }

    fn best(&self, name: &str, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let candidates = self.by_name.get(name)?;
        let fits = |loaded: &&Arc<Loaded>| loaded.key.key.choose_scheme(schemes).is_some();
        candidates.iter().find(fits).or_else(|| candidates.first()).map(|loaded| &loaded.key)
    }
}

impl ResolvesServerCert for Index {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?;
        let schemes = hello.signature_schemes();
        let found = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.find(&name.to_ascii_lowercase(), schemes)
        } else {
            self.find(name, schemes)
        };
        found.or_else(|| self.default()).cloned()
    }
}
