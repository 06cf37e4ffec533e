//! The objects to be planned again after a change: those that read a changed object.

use super::index::{Changes, Index, claimed, controller, filled};
use super::{Kind, Target};
use crate::names::CERTIFICATE_NAME;
use crate::objects::{Certificate, CertificateRequest, HasMeta, Issuer, Key};
use crate::view::{Objects, Settings, View};
use std::collections::HashSet;
use std::sync::Arc;

/// Views as they follow one another, and the index of the present one.
#[derive(Default)]
pub(crate) struct Tracker {
    pub(crate) view: Arc<View>,
    pub(crate) index: Index,
}

impl Tracker {
    /// Takes the next view. Returns the objects of which something may have changed.
    pub(crate) fn advance(&mut self, view: &Arc<View>, settings: &Settings) -> HashSet<Target> {
        let changes = Changes::between(&self.view, view);
        self.index.update(&changes);
        self.view = Arc::clone(view);
        let mut found = Dependents { view, index: &self.index, settings, found: HashSet::new() };
        found.of(&changes);
        found.found
    }
}

struct Dependents<'a> {
    view: &'a View,
    index: &'a Index,
    settings: &'a Settings,
    found: HashSet<Target>,
}

impl Dependents<'_> {
    fn of(&mut self, changes: &Changes) {
        for key in &changes.issuers {
            self.issuer(key);
        }
        for change in &changes.secrets {
            self.secret(&change.key);
            for secret in change.versions() {
                self.found.extend(controller(&secret.metadata, Kind::Certificate, "Certificate"));
            }
        }
        for change in &changes.certificates {
            self.found.insert((Kind::Certificate, change.key.clone()));
            self.claims(&change.key);
            for certificate in change.versions() {
                self.filling(&filled(certificate));
                self.found.extend(controller(&certificate.metadata, Kind::Ingress, "Ingress"));
                let requests = self.index.requests(certificate);
                self.found.extend(requests.iter().map(|request| (Kind::CertificateRequest, request.key())));
            }
        }
        for change in &changes.requests {
            self.found.insert((Kind::CertificateRequest, change.key.clone()));
            for request in change.versions() {
                self.found.extend(controller(&request.metadata, Kind::Certificate, "Certificate"));
            }
        }
        for change in &changes.orders {
            self.found.insert((Kind::Order, change.key.clone()));
            for order in change.versions() {
                self.found.extend(controller(&order.metadata, Kind::CertificateRequest, "CertificateRequest"));
                let challenges = self.index.challenges(order);
                self.found.extend(challenges.iter().map(|challenge| (Kind::Challenge, challenge.key())));
            }
        }
        for change in &changes.challenges {
            self.found.insert((Kind::Challenge, change.key.clone()));
            for challenge in change.versions() {
                self.found.extend(controller(&challenge.metadata, Kind::Order, "Order"));
                let same = self.index.same_name(challenge);
                self.found.extend(same.iter().map(|challenge| (Kind::Challenge, challenge.key())));
            }
        }
        for change in &changes.ingresses {
            self.found.insert((Kind::Ingress, change.key.clone()));
            for ingress in change.versions() {
                claimed(ingress).iter().for_each(|place| self.claims(place));
            }
        }
        self.limited(changes);
        if changes.classes {
            self.found.extend(self.view.challenges.keys().map(|key| (Kind::Challenge, key.clone())));
        }
    }

    /// What wants a certificate in a namespace whose limits changed, or where another took or left a place.
    fn limited(&mut self, changes: &Changes) {
        let mut namespaces: HashSet<&str> = changes.namespaces.iter().map(|key| key.name.as_str()).collect();
        let is_limited = |namespace: &str| {
            !self.view.namespaces.is_empty() && self.view.namespaces.contains_key(&Key::new("", namespace))
        };
        let issued = |certificate: &Arc<Certificate>| certificate.status.revision.is_some();
        for change in &changes.certificates {
            let moved = change.old.as_ref().map(issued) != change.new.as_ref().map(issued);
            if moved && is_limited(&change.key.namespace) {
                namespaces.insert(&change.key.namespace);
            }
        }
        let signed = |request: &Arc<CertificateRequest>| !request.status.certificate.is_empty();
        for change in &changes.requests {
            let moved = change.old.as_ref().map(signed) != change.new.as_ref().map(signed);
            if moved && is_limited(&change.key.namespace) {
                namespaces.insert(&change.key.namespace);
            }
        }
        if namespaces.is_empty() {
            return;
        }
        let view = self.view;
        let within = |key: &Key| namespaces.contains(key.namespace.as_str());
        let certificates = view.certificates.keys().filter(|key| within(key));
        self.found.extend(certificates.map(|key| (Kind::Certificate, key.clone())));
        let requests = view.requests.keys().filter(|key| within(key));
        self.found.extend(requests.map(|key| (Kind::CertificateRequest, key.clone())));
    }

    /// An issuer changed, or one of the Secrets that it names. Issuers change rarely: all that name it are looked for.
    fn issuer(&mut self, issuer: &Key) {
        self.found.insert((Kind::Issuer, issuer.clone()));
        let name = issuer.name.as_str();
        let view = self.view;
        self.naming(Kind::Certificate, &view.certificates, |certificate| certificate.spec.issuer_ref.name == name);
        self.naming(Kind::CertificateRequest, &view.requests, |request| request.spec.issuer_ref.name == name);
        self.naming(Kind::Order, &view.orders, |order| order.spec.issuer_ref.name == name);
        self.naming(Kind::Challenge, &view.challenges, |challenge| challenge.spec.issuer_ref.name == name);
    }

    fn naming<T: HasMeta>(&mut self, kind: Kind, objects: &Objects<T>, names: impl Fn(&T) -> bool) {
        let found = objects.iter().filter(|(_, object)| names(object));
        self.found.extend(found.map(|(key, _)| (kind, key.clone())));
    }

    fn secret(&mut self, place: &Key) {
        self.filling(place);
        let reading = self.index.reading(place).iter();
        self.found.extend(reading.map(|certificate| (Kind::Certificate, certificate.key())));
        let view = self.view;
        let issuers = view.issuers.iter().filter(|(key, issuer)| reads(key, issuer, place, self.settings));
        let issuers: Vec<&Key> = issuers.map(|(key, _)| key).collect();
        issuers.into_iter().for_each(|key| self.issuer(key));
    }

    /// The Certificates that fill a Secret and their requests, and the Ingresses that ask for it.
    fn filling(&mut self, place: &Key) {
        for certificate in self.index.filling(place) {
            self.found.insert((Kind::Certificate, certificate.key()));
            let requests = self.index.requests(certificate).iter();
            let named = requests.filter(|request| request.metadata.annotations.contains_key(CERTIFICATE_NAME));
            self.found.extend(named.map(|request| (Kind::CertificateRequest, request.key())));
        }
        self.claims(place);
    }

    fn claims(&mut self, place: &Key) {
        let claiming = self.index.claiming(place).iter();
        self.found.extend(claiming.map(|ingress| (Kind::Ingress, ingress.metadata.key())));
    }
}

/// True if an issuer may read a Secret.
fn reads(key: &Key, issuer: &Issuer, secret: &Key, settings: &Settings) -> bool {
    crate::account::secrets(key, issuer, settings).any(|place| place == *secret)
}
