//! The certificates of a store and its problems, and the problems that a store would have.

use super::{Declared, named, uid};
use crate::objects::{Key, Secret};
use crate::planner::{Kind, Write};
use crate::planner::{Trouble, plan, troubles};
use crate::store::memory::Memory;
use crate::view::{Settings, View};
use jiff::Timestamp;
use std::sync::Arc;

/// Number of plans made in advance: more than it takes to reach the first call to a CA.
const MAX_ROUNDS: usize = 16;

/// Issued certificates, and the reasons for which others are missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// The Secrets of Certificates: chain and key.
    pub secrets: Vec<Arc<Secret>>,
    /// Problems of issuers, Certificates and Ingresses.
    pub troubles: Vec<Trouble>,
}

impl Served {
    /// Reads them from the view.
    #[must_use]
    pub fn of(view: &View, settings: &Settings) -> Self {
        let mut secrets = Vec::new();
        for (key, certificate) in view.certificates.sorted() {
            let place = Key::new(key.namespace.clone(), certificate.spec.secret_name.clone());
            let whole = |s: &&Arc<Secret>| s.entry("tls.crt").is_some() && s.entry("tls.key").is_some();
            secrets.extend(view.secrets.get(&place).filter(whole).cloned());
        }
        Self { secrets, troubles: troubles(view, settings) }
    }

    /// The problems that follow from the declared objects alone: with an empty folder and without asking a CA.
    #[must_use]
    pub fn foreseen(declared: Declared, settings: &Settings, now: Timestamp) -> Self {
        let mut memory = Memory::default();
        memory.view.ingresses = declared.ingresses.into_iter().map(named).collect();
        for mut secret in declared.secrets {
            secret.metadata.uid = uid(Kind::Secret, &secret.metadata, "");
            memory.view.secrets.insert(secret.key(), Arc::new(secret));
        }
        let issuers = declared.issuers.into_iter().map(|issuer| Write::Create(issuer.into()));
        let certificates = declared.certificates.into_iter().map(|certificate| Write::Create(certificate.into()));
        let mut writes: Vec<Write> = issuers.chain(certificates).collect();
        for _ in 0..MAX_ROUNDS {
            let done = writes.iter().filter(|write| memory.write(write, now).is_ok()).count();
            if done == 0 {
                break;
            }
            writes = plan(&memory.view, settings, now).steps.into_iter().flat_map(|step| step.writes).collect();
        }
        Self { secrets: Vec::new(), troubles: troubles(&memory.view, settings) }
    }
}
