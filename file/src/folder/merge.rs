use super::KIND;
use super::file::{Good, MAX_PLACED};
use crate::decode;
use flow_model::config::{Certificate, Config, Objects};
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::name::Name;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// A file that can be used, and its path.
type Usable<'a> = (&'a Path, &'a Good);

/// The objects of all files.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) config: Arc<Config>,
}

/// A merge in progress.
struct Merge<'a> {
    files: Vec<Usable<'a>>,
    /// Findings about objects that are defined again.
    again: Vec<Diagnostic>,
    /// True if anything differs from before.
    differs: bool,
}

impl Merged {
    /// Takes the present objects. As in Traefik, of several of one name the first counts: the files are in the order of
    /// their paths. Returns findings about the others.
    pub(super) fn update<'a>(&mut self, files: impl Iterator<Item = Usable<'a>>) -> Vec<Diagnostic> {
        let mut merge = Merge { files: files.collect(), again: Vec::new(), differs: false };
        let old = &*self.config;
        let config = Config {
            routers: merge.objects(["http", "routers"], |all| &all.routers, &old.routers),
            services: merge.objects(["http", "services"], |all| &all.services, &old.services),
            middlewares: merge.objects(["http", "middlewares"], |all| &all.middlewares, &old.middlewares),
            servers_transports: merge.objects(
                ["http", "serversTransports"],
                |all| &all.servers_transports,
                &old.servers_transports,
            ),
            tls_options: merge.objects(["tls", "options"], |all| &all.tls_options, &old.tls_options),
            tls_stores: merge.objects(["tls", "stores"], |all| &all.tls_stores, &old.tls_stores),
            certificates: merge.certificates(&old.certificates),
            diagnostics: Vec::new(),
        };
        if merge.differs {
            self.config = Arc::new(config);
        }
        merge.again
    }
}

impl<'a> Merge<'a> {
    /// The objects of one kind, which are at `keys` of a file. Equal ones keep their identity.
    fn objects<T: Clone + PartialEq + 'a>(
        &mut self,
        keys: [&str; 2],
        of: impl Fn(&'a decode::Objects) -> &'a BTreeMap<Name, T>,
        old: &Objects<T>,
    ) -> Objects<T> {
        let mut first: HashMap<&Name, (&T, &Path)> = HashMap::new();
        for (path, good) in &self.files {
            for (name, object) in of(&good.decoded.objects) {
                if let Some((_, other)) = first.get(name) {
                    let [top, kind] = keys;
                    let place = if self.again.len() < MAX_PLACED {
                        good.place(path, &[top, kind, name].map(str::to_owned), true)
                    } else {
                        path.display().to_string()
                    };
                    let other = other.display();
                    let message = format!("{top}.{kind}.{name} is defined in {other} too: that is used, as in Traefik");
                    self.again.push(Diagnostic::warning(Subject::new(KIND, "", place), message));
                } else {
                    first.insert(name, (object, *path));
                }
            }
        }
        let mut merged = old.clone();
        for gone in old.keys().filter(|name| !first.contains_key(name)) {
            merged.remove(gone);
            self.differs = true;
        }
        for (name, (object, _)) in first {
            if old.get(name).is_none_or(|old| **old != *object) {
                merged.insert(Arc::clone(name), Arc::new(object.clone()));
                self.differs = true;
            }
        }
        merged
    }

    /// The certificates of all files, in their order; the same one counts once.
    fn certificates(&mut self, old: &[Arc<Certificate>]) -> Vec<Arc<Certificate>> {
        let mut seen = HashSet::new();
        let all = self.files.iter().flat_map(|(_, good)| &good.decoded.objects.certificates);
        let different = all.filter(|certificate| seen.insert((&certificate.chain, &certificate.key)));
        let known = |wanted: &Certificate| old.iter().find(|old| ***old == *wanted).cloned();
        let merged: Vec<_> =
            different.map(|certificate| known(certificate).unwrap_or_else(|| Arc::new(certificate.clone()))).collect();
        let same = merged.len() == old.len() && merged.iter().zip(old).all(|(new, old)| Arc::ptr_eq(new, old));
        self.differs |= !same;
        merged
    }
}
