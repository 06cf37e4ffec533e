//! Lookup tables from owners to what they own, updated with each change of the view.

mod groups;

use super::Kind;
use super::ingress::annotations;
use crate::http01::Method;
use crate::names::{CERTIFICATE_NAME, NEXT_PRIVATE_KEY};
use crate::objects::{Certificate, CertificateRequest, Challenge, Key, Meta, Order, Secret};
use crate::view::{IngressFacts, Objects, View};
use groups::Groups;
use std::sync::Arc;

/// The lookup tables of one view.
#[derive(Default)]
pub(crate) struct Index {
    requests: Groups<Box<str>, CertificateRequest>,
    orders: Groups<Box<str>, Order>,
    challenges: Groups<Box<str>, Challenge>,
    by_secret: Groups<Key, Certificate>,
    by_other_secret: Groups<Key, Certificate>,
    by_ingress: Groups<Box<str>, Certificate>,
    next_keys: Groups<Box<str>, Secret>,
    claims: Groups<Key, IngressFacts>,
    by_name: Groups<(Box<str>, Method), Challenge>,
}

/// An object that was added, replaced or removed.
pub(super) struct Change<T> {
    pub(super) key: Key,
    pub(super) old: Option<Arc<T>>,
    pub(super) new: Option<Arc<T>>,
}

impl<T> Change<T> {
    /// The last and the present version, as far as there are any.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Arc<T>> {
        self.old.iter().chain(&self.new)
    }
}

/// The changes from one view to the next.
pub(super) struct Changes {
    pub(super) requests: Vec<Change<CertificateRequest>>,
    pub(super) orders: Vec<Change<Order>>,
    pub(super) challenges: Vec<Change<Challenge>>,
    pub(super) certificates: Vec<Change<Certificate>>,
    pub(super) secrets: Vec<Change<Secret>>,
    pub(super) ingresses: Vec<Change<IngressFacts>>,
    pub(super) issuers: Vec<Key>,
    pub(super) namespaces: Vec<Key>,
    pub(super) classes: bool,
}

impl Changes {
    pub(super) fn between(old: &View, new: &View) -> Self {
        Self {
            requests: changes(&old.requests, &new.requests),
            orders: changes(&old.orders, &new.orders),
            challenges: changes(&old.challenges, &new.challenges),
            certificates: changes(&old.certificates, &new.certificates),
            secrets: changes(&old.secrets, &new.secrets),
            ingresses: changes(&old.ingresses, &new.ingresses),
            issuers: new.issuers.changed_since(&old.issuers).into_iter().cloned().collect(),
            namespaces: new.namespaces.changed_since(&old.namespaces).into_iter().cloned().collect(),
            classes: old.classes != new.classes,
        }
    }
}

fn changes<T>(old: &Objects<T>, new: &Objects<T>) -> Vec<Change<T>> {
    let changed = new.changed_since(old).into_iter();
    changed.map(|key| Change { key: key.clone(), old: old.get(key).cloned(), new: new.get(key).cloned() }).collect()
}

fn owner(meta: &Meta, kind: &str) -> Option<Box<str>> {
    meta.controller().filter(|owner| owner.kind == kind).map(|owner| owner.uid.as_str().into())
}

/// The place of the Secret that a Certificate fills.
pub(super) fn filled(certificate: &Certificate) -> Key {
    Key::new(certificate.metadata.namespace.clone(), certificate.spec.secret_name.clone())
}

/// The places of the other Secrets that a Certificate reads.
fn others(certificate: &Certificate) -> impl Iterator<Item = Key> + '_ {
    let next = certificate.status.next_private_key_secret_name.as_ref();
    let stores = certificate.spec.keystores.iter().flat_map(|stores| stores.jks.iter().chain(&stores.pkcs12));
    let passwords = stores.filter_map(|store| store.password_secret_ref.as_ref()).map(|password| &password.name);
    next.into_iter().chain(passwords).map(|name| Key::new(certificate.metadata.namespace.clone(), name.clone()))
}

/// The places of the Secrets for which an Ingress asks for certificates.
pub(super) fn claimed(ingress: &IngressFacts) -> Vec<Key> {
    let asks = annotations::asks(&ingress.metadata) && ingress.metadata.deletion_timestamp.is_none();
    let named = ingress.tls.iter().filter(|tls| asks && !tls.secret_name.is_empty());
    named.map(|tls| Key::new(ingress.metadata.namespace.clone(), tls.secret_name.clone())).collect()
}

/// The name that a challenge proves, and the method.
fn proved(challenge: &Challenge) -> Option<(Box<str>, Method)> {
    Some((challenge.spec.dns_name.as_str().into(), Method::of(challenge)?))
}

impl Index {
    /// Follows the changes of the view.
    pub(super) fn update(&mut self, changes: &Changes) {
        for change in &changes.requests {
            let (old, new) = (change.old.as_ref(), change.new.as_ref());
            self.requests.replace(old, new, |request| owner(&request.metadata, "Certificate"));
        }
        for change in &changes.orders {
            let (old, new) = (change.old.as_ref(), change.new.as_ref());
            self.orders.replace(old, new, |order| owner(&order.metadata, "CertificateRequest"));
        }
        for change in &changes.challenges {
            let (old, new) = (change.old.as_ref(), change.new.as_ref());
            self.challenges.replace(old, new, |challenge| owner(&challenge.metadata, "Order"));
            self.by_name.replace(old, new, proved);
        }
        for change in &changes.secrets {
            let (old, new) = (change.old.as_ref(), change.new.as_ref());
            self.next_keys.replace(old, new, |secret| {
                owner(&secret.metadata, "Certificate").filter(|_| secret.metadata.labels.contains_key(NEXT_PRIVATE_KEY))
            });
        }
        for change in &changes.certificates {
            let (old, new) = (change.old.as_ref(), change.new.as_ref());
            self.by_secret.replace(old, new, |certificate| Some(filled(certificate)));
            self.by_other_secret.replace(old, new, |certificate| others(certificate).collect::<Vec<_>>());
            self.by_ingress.replace(old, new, |certificate| owner(&certificate.metadata, "Ingress"));
        }
        for change in &changes.ingresses {
            self.claims.replace(change.old.as_ref(), change.new.as_ref(), claimed);
        }
    }

    pub(crate) fn requests(&self, certificate: &Certificate) -> &[Arc<CertificateRequest>] {
        self.requests.of(&*certificate.metadata.uid)
    }

    pub(crate) fn orders(&self, request: &CertificateRequest) -> &[Arc<Order>] {
        self.orders.of(&*request.metadata.uid)
    }

    pub(crate) fn challenges(&self, order: &Order) -> &[Arc<Challenge>] {
        self.challenges.of(&*order.metadata.uid)
    }

    /// The challenges that prove the name of this one by the same method, this one among them.
    pub(crate) fn same_name(&self, challenge: &Challenge) -> &[Arc<Challenge>] {
        proved(challenge).map_or(&[], |name| self.by_name.of(&name))
    }

    /// Secrets with the keys of certificates being issued.
    pub(crate) fn next_keys(&self, certificate: &Certificate) -> &[Arc<Secret>] {
        self.next_keys.of(&*certificate.metadata.uid)
    }

    pub(crate) fn of_ingress(&self, ingress: &Meta) -> &[Arc<Certificate>] {
        self.by_ingress.of(&*ingress.uid)
    }

    /// The Certificates that fill a Secret.
    pub(super) fn filling(&self, secret: &Key) -> &[Arc<Certificate>] {
        self.by_secret.of(secret)
    }

    /// The Certificates that read a Secret which they do not fill.
    pub(super) fn reading(&self, secret: &Key) -> &[Arc<Certificate>] {
        self.by_other_secret.of(secret)
    }

    /// The Ingresses that ask for a certificate in a Secret.
    pub(super) fn claiming(&self, secret: &Key) -> &[Arc<IngressFacts>] {
        self.claims.of(secret)
    }

    /// An older Ingress that asks for a certificate in the same Secret; of several the oldest, then the first by name.
    pub(crate) fn elder(&self, ingress: &IngressFacts, secret_name: &str) -> Option<&Arc<IngressFacts>> {
        let place = Key::new(ingress.metadata.namespace.clone(), secret_name);
        let claims = self.claims.of(&place).iter();
        let complete =
            claims.filter(|claim| claim.tls.iter().any(|tls| tls.secret_name == secret_name && !tls.hosts.is_empty()));
        let eldest = complete.min_by_key(|claim| (claim.metadata.creation_timestamp, &claim.metadata.name))?;
        (eldest.metadata.name != ingress.metadata.name).then_some(eldest)
    }

    /// The Certificate that fills a Secret named by several: the one in the Secret's annotation, else the oldest, then
    /// the first by name.
    pub(crate) fn owner_of_secret(&self, view: &View, secret: &Key) -> Option<&Arc<Certificate>> {
        let claims = self.by_secret.of(secret);
        let named = view.secrets.get(secret).and_then(|secret| secret.metadata.annotation(CERTIFICATE_NAME));
        let by_name = claims.iter().find(|certificate| Some(certificate.metadata.name.as_str()) == named);
        let oldest = || claims.iter().min_by_key(|c| (c.metadata.creation_timestamp, &c.metadata.name));
        by_name.or_else(oldest)
    }
}

/// The object that controls one, if it is of this kind.
pub(super) fn controller(meta: &Meta, kind: Kind, name: &str) -> Option<(Kind, Key)> {
    let owner = meta.controller().filter(|owner| owner.kind == name)?;
    Some((kind, Key::new(meta.namespace.clone(), owner.name.clone())))
}
