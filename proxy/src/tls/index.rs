use super::certificate::Loaded;
use flow_model::persistent_map::PersistentMap;
use hashbrown::{HashMap, HashSet};
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;

/// The certificates for a name. Traefik tries them by the list of their names, from the last to the first; of those for
/// the very same names the first given comes first, and only it counts.
type Candidates = SmallVec<[Arc<Loaded>; 1]>;

/// Certificates by name.
#[derive(Debug)]
pub(super) struct Index {
    by_name: PersistentMap<Arc<str>, Candidates>,
    default: Option<Arc<Loaded>>,
}

impl Index {
    /// The index of `certificates`, from that of others: names are sorted in again only where something changed.
    pub(super) fn following(
        before: Option<(&Self, Vec<Arc<Loaded>>)>,
        certificates: &[Arc<Loaded>],
        default: Option<Arc<Loaded>>,
    ) -> Self {
        let places: HashMap<*const Loaded, usize, foldhash::fast::RandomState> =
            certificates.iter().enumerate().map(|(place, loaded)| (Arc::as_ptr(loaded), place)).collect();
        // Where those that stay have changed places, everything is sorted anew.
        let stays =
            |old: &Vec<Arc<Loaded>>| old.iter().filter_map(|loaded| places.get(&Arc::as_ptr(loaded))).is_sorted();
        let (mut by_name, old) = match before.filter(|(_, old)| stays(old)) {
            Some((index, old)) => (index.by_name.clone(), old),
            None => (PersistentMap::default(), Vec::new()),
        };
        let known: HashSet<*const Loaded, foldhash::fast::RandomState> = old.iter().map(Arc::as_ptr).collect();
        let gone = old.iter().filter(|loaded| !places.contains_key(&Arc::as_ptr(loaded)));
        let new = certificates.iter().filter(|loaded| !known.contains(&Arc::as_ptr(loaded)));
        let new: Vec<&Arc<Loaded>> = new.collect();
        let changed: HashSet<&Arc<str>> = gone.chain(new.iter().copied()).flat_map(|loaded| &*loaded.names).collect();
        let mut added: HashMap<&Arc<str>, Vec<&Arc<Loaded>>, foldhash::fast::RandomState> = HashMap::default();
        for loaded in &new {
            for name in &*loaded.names {
                added.entry(name).or_default().push(loaded);
            }
        }
        for name in changed {
            let kept = by_name.get(name).into_iter().flatten();
            let kept = kept.filter(|loaded| places.contains_key(&Arc::as_ptr(loaded)));
            let mut candidates: Candidates = kept.chain(added.remove(name).into_iter().flatten()).cloned().collect();
            let place = |loaded: &Arc<Loaded>| places.get(&Arc::as_ptr(loaded)).copied();
            candidates.sort_by(|a, b| b.names.cmp(&a.names).then_with(|| place(a).cmp(&place(b))));
            if candidates.is_empty() {
                by_name.remove(name);
            } else {
                by_name.insert(Arc::clone(name), candidates);
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
        let mut last: Option<&Arc<Loaded>> = None;
        let mut first_of_names = candidates.iter().filter(|loaded| {
            let counts = last.is_none_or(|last| last.names != loaded.names);
            last = Some(loaded);
            counts
        });
        let fits = |loaded: &&Arc<Loaded>| loaded.key.key.choose_scheme(schemes).is_some();
        first_of_names.find(fits).or_else(|| candidates.first()).map(|loaded| &loaded.key)
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
