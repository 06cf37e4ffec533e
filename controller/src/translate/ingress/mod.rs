//! The provider `kubernetes`: Ingresses and the annotations on them and on their Services (Traefik's
//! `providers.kubernetesIngress`).

mod backend;
mod backends;
mod class;
mod foreign;
mod fragment;
mod meaning;
mod router_options;
mod rule;
mod service_options;
mod tree;
mod users;

use super::certificates::Certificates;
use super::claims::Claims;
use super::findings::Findings;
use super::options::IngressOptions;
use crate::view::{Dirty, Keys, ObjectKey, View};
use backends::Backends;
use flow_model::config::{Config, Router, Service};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::Name;
use fragment::{DEFAULT_BACKEND, DEFAULT_ROUTER, Fragment};
use hashbrown::HashMap;
use std::sync::Arc;

/// The translation of Ingresses, kept so that the cost of a change is proportional to it.
#[derive(Debug)]
pub(super) struct Ingresses {
    options: IngressOptions,
    fragments: HashMap<ObjectKey, Box<Fragment>, foldhash::fast::RandomState>,
    findings: Findings<ObjectKey>,
    backends: Backends,
    certificates: Certificates,
    routers: Claims<Router>,
    services: Claims<Service>,
    config: Arc<Config>,
}

impl Ingresses {
    pub(super) fn new(options: IngressOptions) -> Self {
        Self {
            options,
            fragments: HashMap::default(),
            findings: Findings::default(),
            backends: Backends::default(),
            certificates: Certificates::default(),
            routers: Claims::default(),
            services: Claims::default(),
            config: Arc::default(),
        }
    }

    /// Returns the Ingresses that are served here.
    pub(super) fn selected(&self) -> impl ExactSizeIterator<Item = &ObjectKey> {
        self.fragments.keys()
    }

    /// True if an Ingress is served here.
    pub(super) fn is_selected(&self, key: &ObjectKey) -> bool {
        self.fragments.contains_key(key)
    }

    /// Returns the configuration after a change; the same `Arc` if nothing in it changed.
    pub(super) fn update(&mut self, view: &View, dirty: &Dirty) -> Arc<Config> {
        let mut ingresses = dirty.ingresses.clone();
        if !dirty.ingress_classes.is_empty() {
            let by_class = view.ingresses().filter(|ingress| ingress.class_name.is_some());
            ingresses.extend(by_class.map(|ingress| ingress.key.clone()));
        }
        let mut changed = self.backends.refresh(dirty, view, &self.options, &mut self.services, &mut ingresses);
        changed |= self.certificates.refresh(&dirty.secrets, view, &mut ingresses);
        changed |= self.replace_all(&ingresses, view);
        let renamed = self.backends.resolve_names(&self.services);
        changed |= self.replace_all(&renamed, view);
        self.routers.end_round();
        self.services.end_round();
        if changed {
            self.config = Arc::new(self.assemble());
        }
        self.config.clone()
    }

    /// Translates Ingresses again. Objects that equal earlier ones keep their identity: so everything new is inserted
    /// before anything old is removed.
    fn replace_all(&mut self, ingresses: &Keys, view: &View) -> bool {
        let mut changed = false;
        let mut old = Vec::new();
        for key in ingresses {
            let before = self.fragments.remove(key);
            let ingress = view.ingress(key).filter(|ingress| class::is_ours(ingress, view, &self.options));
            if let Some(ingress) = ingress {
                let mut new = Fragment::translate(ingress, view, &self.options, &mut self.backends);
                changed |= self.insert(&mut new, key, view);
                self.fragments.insert(key.clone(), Box::new(new));
            } else {
                let message = view.ingress(key).and_then(|ingress| class::not_chosen(ingress, view, &self.options));
                let finding = message.map(|message| Diagnostic::warning(key.subject("Ingress"), message));
                changed |= self.findings.set(key, finding.into_iter().collect());
            }
            old.extend(before);
        }
        for old in old {
            let new = self.fragments.remove(&old.owner.key);
            changed |= self.remove(&old, new.as_deref(), &old.owner.key);
            self.fragments.extend(new.map(|new| (old.owner.key, new)));
        }
        changed
    }

    fn insert(&mut self, new: &mut Fragment, key: &ObjectKey, view: &View) -> bool {
        let mut changed = false;
        for backend in &new.backends {
            changed |= self.backends.add_user(backend, key, true, &mut self.services);
        }
        if let Some((backend, service)) = new.default.as_deref() {
            changed |= self.backends.add_user(backend, key, false, &mut self.services);
            if let Some(service) = service {
                changed |= self.services.claim(&DEFAULT_BACKEND.into(), new.owner.clone(), service.clone());
            }
        }
        for secret in &new.secrets {
            let (error, fresh) = self.certificates.add_user(secret, key, view);
            changed |= fresh;
            if let Some(error) = error {
                new.diagnostics.push(Diagnostic::error(key.subject("Ingress"), format!("spec.tls: {error}")));
            }
        }
        for (name, router) in &mut new.routers {
            changed |= self.routers.claim_equal(name, new.owner.clone(), router);
        }
        self.findings.set(key, new.diagnostics.clone()) | changed
    }

    /// Removes what only the old translation has, not the new one.
    fn remove(&mut self, old: &Fragment, new: Option<&Fragment>, key: &ObjectKey) -> bool {
        let mut changed = false;
        let same_owner = new.is_some_and(|new| new.owner == old.owner);
        let keeps =
            |name: &Name| same_owner && new.is_some_and(|new| new.routers.iter().any(|(other, _)| other == name));
        for (name, _) in old.routers.iter().filter(|(name, _)| !keeps(name)) {
            changed |= self.routers.release(name, &old.owner);
        }
        let default = |fragment: Option<&Fragment>| fragment.and_then(|fragment| fragment.default.as_deref()).cloned();
        let (old_default, new_default) = (default(Some(old)), default(new));
        if !(same_owner && new_default.as_ref().is_some_and(|(_, service)| service.is_some())) {
            changed |= self.services.release(&DEFAULT_BACKEND.into(), &old.owner);
        }
        let uses = |backend| {
            new.is_some_and(|new| new.backends.contains(backend))
                || new_default.as_ref().is_some_and(|(other, _)| other == backend)
        };
        let before = old.backends.iter().chain(old_default.as_ref().map(|(backend, _)| backend));
        for backend in before.filter(|backend| !uses(backend)) {
            changed |= self.backends.remove_user(backend, key, &mut self.services);
        }
        for secret in old.secrets.iter().filter(|secret| new.is_none_or(|new| !new.secrets.contains(secret))) {
            changed |= self.certificates.remove_user(secret, key);
        }
        changed
    }

    fn assemble(&self) -> Config {
        let mut diagnostics = self.findings.all();
        // Findings about a Service come with every Ingress that uses it.
        diagnostics.sort_unstable();
        diagnostics.dedup();
        for (name, owners) in self.routers.contested() {
            let Some((winner, losers)) = owners.split_first() else { continue };
            let message = if &**name == DEFAULT_ROUTER {
                format!("the default backend is already that of Ingress {}", winner.key)
            } else {
                format!("the router {name} is already that of Ingress {}", winner.key)
            };
            let findings = losers.iter().map(|loser| Diagnostic::error(loser.key.subject("Ingress"), message.clone()));
            diagnostics.extend(findings);
        }
        Config {
            routers: self.routers.objects().clone(),
            services: self.services.objects().clone(),
            certificates: self.certificates.list(),
            diagnostics,
            ..Config::default()
        }
    }
}
