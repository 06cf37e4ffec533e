use super::choose;
use crate::crd::{Group, TlsStoreSpec};
use crate::translate::options::CrdOptions;
use crate::translate::pem;
use crate::view::{Custom, Dirty, Kind, ObjectKey, View};
use flow_model::config::{Certificate, Domain, GeneratedCertificate, Objects, TlsStore};
use flow_model::diagnostic::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The only store that is used.
const DEFAULT: &str = "default";

/// The translation of the TLSStores. There are few, so all are translated when one changes, or a Secret does.
#[derive(Debug, Default)]
pub(super) struct Stores {
    default: Option<Arc<TlsStore>>,
    certificates: BTreeMap<ObjectKey, Arc<Certificate>>,
    diagnostics: Vec<Diagnostic>,
    reads: BTreeSet<ObjectKey>,
}

impl Stores {
    /// Translates the stores again if needed. True if the outcome differs.
    pub(super) fn update(&mut self, dirty: &Dirty, view: &View, options: &CrdOptions) -> bool {
        if dirty.tls_stores.is_empty() && !self.reads.iter().any(|secret| dirty.secrets.contains(secret)) {
            return false;
        }
        let mut new = Self::default();
        let keys: BTreeSet<_> = Group::ALL.iter().flat_map(|group| view.keys(Kind::TlsStore(*group))).collect();
        let (used, unused): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| &*key.name == DEFAULT);
        for key in unused {
            let message = "only the TLSStore named default is used";
            new.diagnostics.push(Diagnostic::warning(key.subject("TLSStore"), message));
        }
        let (ignored, mut used): (Vec<_>, Vec<_>) =
            used.into_iter().partition(|key| options.is_no_default(&key.namespace).is_some());
        for key in ignored {
            let finding =
                options.is_no_default(&key.namespace).map(|m| Diagnostic::warning(key.subject("TLSStore"), m));
            new.diagnostics.extend(finding);
        }
        // Of several the oldest has the default certificate. Traefik uses none of theirs then, so that any user who may
        // create one could take it from all hosts.
        used.sort_by_key(|key| (view.custom::<TlsStoreSpec>(key)[0].map(|store| store.created), key.clone()));
        let mut eldest: Option<ObjectKey> = None;
        for key in used {
            let store = new.add(&key, view);
            if let Some(eldest) = &eldest {
                let message =
                    format!("the name {DEFAULT} is already that of {eldest}: only its default certificate is used");
                new.diagnostics.push(Diagnostic::error(key.subject("TLSStore"), message));
            } else {
                new.default = store.map(Arc::new);
                eldest = Some(key);
            }
        }
        self.replace_with(new)
    }

    fn add(&mut self, key: &ObjectKey, view: &View) -> Option<TlsStore> {
        let object: &Arc<Custom<TlsStoreSpec>> = choose(view.custom(key), "TLSStore", &mut self.diagnostics)?;
        let error = |message: String| Diagnostic::error(key.subject("TLSStore"), message);
        let spec = match &object.spec {
            Ok(spec) => spec,
            Err(message) => {
                self.diagnostics.push(error(message.clone()));
                return None;
            }
        };
        let mut store = TlsStore::default();
        if let Some(named) = &spec.default_certificate {
            let secret = key.sibling(&named.secret_name);
            self.reads.insert(secret.clone());
            match pem::certificate(view, &secret) {
                Ok(certificate) => store.default_certificate = Some(certificate),
                Err(unusable) => self.diagnostics.push(error(format!("defaultCertificate: {unusable}"))),
            }
        }
        store.default_generated = spec.default_generated_cert.as_ref().map(|wanted| {
            let domain = wanted.domain.clone().unwrap_or_default();
            GeneratedCertificate {
                resolver: wanted.resolver.as_str().into(),
                domain: Domain { main: domain.main, sans: domain.sans },
            }
        });
        for named in &spec.certificates {
            let secret = key.sibling(&named.secret_name);
            self.reads.insert(secret.clone());
            match pem::certificate(view, &secret) {
                Ok(certificate) => {
                    self.certificates.insert(secret, Arc::new(certificate));
                }
                Err(unusable) => self.diagnostics.push(error(format!("certificates: {unusable}"))),
            }
        }
        Some(store)
    }

    /// Becomes the new one, keeping equal objects. True if anything differs.
    fn replace_with(&mut self, mut new: Self) -> bool {
        for (secret, certificate) in &mut new.certificates {
            if let Some(old) = self.certificates.get(secret).filter(|old| *old == certificate) {
                *certificate = old.clone();
            }
        }
        if self.default == new.default {
            new.default.clone_from(&self.default);
        }
        let same =
            self.default == new.default && self.certificates == new.certificates && self.diagnostics == new.diagnostics;
        *self = new;
        !same
    }

    pub(super) fn objects(&self) -> Objects<TlsStore> {
        self.default.iter().map(|store| (DEFAULT.into(), store.clone())).collect()
    }

    /// Returns the certificates, in the order of their Secrets.
    pub(super) fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.certificates.values().cloned().collect()
    }

    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.clone()
    }
}
