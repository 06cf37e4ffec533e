//! Secrets that several Ingresses name: the oldest gets its certificate, the others get a message.

use super::ingress::annotations;
use crate::view::{IngressFacts, View};
use std::collections::HashMap;

/// The oldest Ingress that asks for a certificate in each Secret; the first by name if several have the same age.
pub(crate) struct Claims<'a>(HashMap<(&'a str, &'a str), &'a IngressFacts>);

impl<'a> Claims<'a> {
    pub(crate) fn of(view: &'a View) -> Self {
        let mut eldest: HashMap<(&str, &str), &IngressFacts> = HashMap::new();
        let asking = view.ingresses.values().filter(|ingress| annotations::asks(&ingress.metadata));
        for ingress in asking.filter(|ingress| ingress.metadata.deletion_timestamp.is_none()) {
            for tls in ingress.tls.iter().filter(|tls| !tls.hosts.is_empty() && !tls.secret_name.is_empty()) {
                let place = (ingress.metadata.namespace.as_str(), tls.secret_name.as_str());
                let present = eldest.entry(place).or_insert(ingress);
                if ingress.metadata.creation_timestamp < present.metadata.creation_timestamp {
                    *present = ingress;
                }
            }
        }
        Self(eldest)
    }

    /// Returns an older Ingress that names this Secret.
    pub(crate) fn elder(&self, ingress: &IngressFacts, secret_name: &str) -> Option<&'a IngressFacts> {
        let eldest = self.0.get(&(ingress.metadata.namespace.as_str(), secret_name)).copied()?;
        (eldest.metadata.name != ingress.metadata.name).then_some(eldest)
    }
}
