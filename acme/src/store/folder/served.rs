//! What comes of a store, as far as others see it.

use crate::objects::{Key, Secret};
use crate::planner::{Trouble, View, troubles};
use std::sync::Arc;

/// Certificates that can be shown, and what keeps others from coming.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// The Secrets of Certificates: chain and key.
    pub secrets: Vec<Arc<Secret>>,
    /// Issuers, Certificates and Ingresses with trouble.
    pub troubles: Vec<Trouble>,
}

impl Served {
    /// What the view shows.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let mut secrets = Vec::new();
        for (key, certificate) in &view.certificates {
            let place = Key::new(key.namespace.clone(), certificate.spec.secret_name.clone());
            let whole = |s: &&Arc<Secret>| s.entry("tls.crt").is_some() && s.entry("tls.key").is_some();
            secrets.extend(view.secrets.get(&place).filter(whole).cloned());
        }
        // A folder has one process, and nobody else.
        Self { secrets, troubles: troubles(view, true) }
    }
}
