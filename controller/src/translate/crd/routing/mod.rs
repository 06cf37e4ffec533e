//! Routers and services of custom resources: of IngressRoutes, TraefikServices, and Middlewares with error pages.

mod error_page;
mod fragment;
mod ingress_route;
mod load_balancer;
mod readers;
mod services;
mod traefik_service;

use crate::translate::certificates::Certificates;
use crate::translate::claims::{Claims, Owner};
use crate::translate::findings::Findings;
use crate::translate::options::CrdOptions;
use crate::view::{Dirty, Keys, ObjectKey, View};
use flow_model::config::{Certificate, Router, Service};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::Name;
use fragment::{Fragment, Id, Origin};
use hashbrown::HashMap;
use readers::Readers;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The translation of these objects, kept so that the cost of a change is proportional to it.
#[derive(Debug, Default)]
pub(super) struct Routing {
    fragments: HashMap<Id, Box<Fragment>, foldhash::fast::RandomState>,
    readers: Readers,
    findings: Findings<Id>,
    routers: Claims<Router>,
    services: Claims<Service>,
    certificates: Certificates,
}

/// The effect of a change.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// True if routers, services, certificates or findings differ.
    pub(super) changed: bool,
    /// The Middlewares whose error pages may differ.
    pub(super) error_pages: Keys,
}

impl Routing {
    /// Translates again what changed, or reads something that changed.
    pub(super) fn update(&mut self, view: &View, dirty: &Dirty, options: &CrdOptions) -> Effect {
        let mut effect = Effect::default();
        let mut ids = self.readers.of(dirty);
        let all = [
            (Origin::IngressRoute, &dirty.ingress_routes),
            (Origin::TraefikService, &dirty.traefik_services),
            (Origin::ErrorPage, &dirty.middlewares),
        ];
        ids.extend(all.into_iter().flat_map(|(origin, keys)| keys.iter().map(move |key| Id::new(origin, key.clone()))));
        let mut routes = Keys::default();
        effect.changed |= self.certificates.refresh(&dirty.secrets, view, &mut routes);
        ids.extend(routes.into_iter().map(|key| Id::new(Origin::IngressRoute, key)));
        for id in ids {
            let new = id.translate(view, options);
            effect.changed |= self.replace(&id, new, view);
            if id.origin == Origin::ErrorPage {
                effect.error_pages.insert(id.key);
            }
        }
        self.routers.end_round();
        self.services.end_round();
        effect
    }

    /// Puts the new translation of an object in the place of the old one. What equals the old one keeps its identity.
    fn replace(&mut self, id: &Id, new: Option<Fragment>, view: &View) -> bool {
        let old = self.fragments.remove(id);
        let mut changed = false;
        let mut findings = Vec::new();
        if let Some(mut new) = new {
            for (name, router) in &mut new.routers {
                changed |= self.routers.claim_equal(name, new.owner.clone(), router);
            }
            for (name, service) in &mut new.services {
                changed |= self.services.claim_equal(name, new.owner.clone(), service);
            }
            if let Some(secret) = &new.secret {
                let (error, fresh) = self.certificates.add_user(secret, &id.key, view);
                changed |= fresh;
                new.diagnostics
                    .extend(error.map(|error| {
                        Diagnostic::error(id.key.subject(id.origin.kind()), format!("spec.tls: {error}"))
                    }));
            }
            new.reads.sort();
            self.readers.add(id, &new.reads);
            findings = std::mem::take(&mut new.diagnostics);
            self.fragments.insert(id.clone(), Box::new(new));
        }
        let new = self.fragments.get(id).map(|new| &**new);
        if let Some(old) = old {
            let kept = new.filter(|new| new.owner == old.owner);
            for (name, _) in &old.routers {
                let stays = kept.is_some_and(|new| new.routers.iter().any(|(other, _)| other == name));
                changed |= !stays && self.routers.release(name, &old.owner);
            }
            for (name, _) in &old.services {
                let stays = kept.is_some_and(|new| new.services.iter().any(|(other, _)| other == name));
                changed |= !stays && self.services.release(name, &old.owner);
            }
            if let Some(secret) = old.secret.filter(|secret| new.is_none_or(|new| new.secret.as_ref() != Some(secret)))
            {
                changed |= self.certificates.remove_user(&secret, &id.key);
            }
            self.readers.remove(id, &old.reads, new.map(|new| &new.reads));
        }
        self.findings.set(id, findings) | changed
    }

    /// Returns the service of the error pages of a Middleware, or the reason why there is none; `None` if it has no
    /// error pages.
    pub(super) fn error_page(&self, middleware: &ObjectKey) -> Option<&Result<Name, String>> {
        self.fragments.get(&Id::new(Origin::ErrorPage, middleware.clone()))?.error_page.as_ref()
    }

    pub(super) const fn routers(&self) -> &Claims<Router> {
        &self.routers
    }

    pub(super) const fn services(&self) -> &Claims<Service> {
        &self.services
    }

    /// Returns the certificates, in the order in which they are tried.
    pub(super) fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.certificates.list()
    }

    /// Returns findings about the objects, and about names that several claim.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = self.findings.all();
        for (name, owners) in self.routers.contested() {
            let Some((winner, losers)) = owners.split_first() else { continue };
            let message = format!("the router {name} is already that of {} {}", winner.kind, winner.key);
            all.extend(losers.iter().map(|loser| Diagnostic::error(loser.key.subject(loser.kind), message.clone())));
        }
        let mut told = BTreeSet::new();
        for (name, owners) in self.services.contested() {
            let Some((winner, losers)) = owners.split_first() else { continue };
            for loser in losers.iter().filter(|loser| self.differs(name, winner, loser)) {
                if told.insert((&loser.key, name)) {
                    let (kind, key) = (winner.kind, &winner.key);
                    let message = format!(
                        "the service {name} is used with the settings that {kind} {key} has for it; safeNaming gives each its own"
                    );
                    all.push(Diagnostic::warning(loser.key.subject(loser.kind), message));
                }
            }
        }
        all
    }

    fn differs(&self, name: &Name, winner: &Owner, loser: &Owner) -> bool {
        let (winner, loser) = (self.services.claimed(name, winner), self.services.claimed(name, loser));
        winner.zip(loser).is_some_and(|(winner, loser)| !Arc::ptr_eq(winner, loser) && winner != loser)
    }
}
