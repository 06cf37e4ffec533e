use super::claims::Claims;
use crate::names::{CERTIFICATE_NAME, NEXT_PRIVATE_KEY};
use crate::objects::{Certificate, CertificateRequest, Challenge, Key, Meta, Order, Secret};
use crate::view::View;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Lookup tables from owners to what they own, built once for each plan.
pub(crate) struct Index<'a> {
    requests: HashMap<&'a str, Vec<&'a Arc<CertificateRequest>>>,
    orders: HashMap<&'a str, Vec<&'a Arc<Order>>>,
    challenges: HashMap<&'a str, Vec<&'a Arc<Challenge>>>,
    by_secret: HashMap<(&'a str, &'a str), Vec<&'a Arc<Certificate>>>,
    by_ingress: HashMap<&'a str, Vec<&'a Arc<Certificate>>>,
    next_keys: HashMap<&'a str, Vec<&'a Arc<Secret>>>,
    claims: OnceCell<Claims<'a>>,
}

fn owner<'a>(meta: &'a Meta, kind: &str) -> Option<&'a str> {
    meta.controller().filter(|owner| owner.kind == kind).map(|owner| owner.uid.as_str())
}

impl<'a> Index<'a> {
    pub(crate) fn of(view: &'a View) -> Self {
        let mut index = Self {
            requests: HashMap::new(),
            orders: HashMap::new(),
            challenges: HashMap::new(),
            by_secret: HashMap::new(),
            by_ingress: HashMap::new(),
            next_keys: HashMap::new(),
            claims: OnceCell::new(),
        };
        for request in view.requests.values() {
            if let Some(uid) = owner(&request.metadata, "Certificate") {
                index.requests.entry(uid).or_default().push(request);
            }
        }
        for order in view.orders.values() {
            if let Some(uid) = owner(&order.metadata, "CertificateRequest") {
                index.orders.entry(uid).or_default().push(order);
            }
        }
        for challenge in view.challenges.values() {
            if let Some(uid) = owner(&challenge.metadata, "Order") {
                index.challenges.entry(uid).or_default().push(challenge);
            }
        }
        for secret in view.secrets.values().filter(|s| s.metadata.labels.contains_key(NEXT_PRIVATE_KEY)) {
            if let Some(uid) = owner(&secret.metadata, "Certificate") {
                index.next_keys.entry(uid).or_default().push(secret);
            }
        }
        for certificate in view.certificates.values() {
            let place = (certificate.metadata.namespace.as_str(), certificate.spec.secret_name.as_str());
            index.by_secret.entry(place).or_default().push(certificate);
            if let Some(uid) = owner(&certificate.metadata, "Ingress") {
                index.by_ingress.entry(uid).or_default().push(certificate);
            }
        }
        index
    }

    pub(crate) fn requests(&self, certificate: &Certificate) -> &[&'a Arc<CertificateRequest>] {
        self.requests.get(certificate.metadata.uid.as_str()).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn orders(&self, request: &CertificateRequest) -> &[&'a Arc<Order>] {
        self.orders.get(request.metadata.uid.as_str()).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn challenges(&self, order: &Order) -> &[&'a Arc<Challenge>] {
        self.challenges.get(order.metadata.uid.as_str()).map_or(&[], Vec::as_slice)
    }

    /// Secrets with the keys of certificates being issued.
    pub(crate) fn next_keys(&self, certificate: &Certificate) -> &[&'a Arc<Secret>] {
        self.next_keys.get(certificate.metadata.uid.as_str()).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_ingress(&self, ingress: &Meta) -> &[&'a Arc<Certificate>] {
        self.by_ingress.get(ingress.uid.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The Ingress that has the claim to each Secret. Computed at the first use.
    pub(crate) fn claims(&self, view: &'a View) -> &Claims<'a> {
        self.claims.get_or_init(|| Claims::of(view))
    }

    /// The Certificate that fills a Secret named by several: the one in the Secret's annotation, else the oldest, then
    /// the first by name.
    pub(crate) fn owner_of_secret(&self, view: &View, secret: &Key) -> Option<&'a Arc<Certificate>> {
        let claims = self.by_secret.get(&(secret.namespace.as_str(), secret.name.as_str()))?;
        let named = view.secrets.get(secret).and_then(|secret| secret.metadata.annotation(CERTIFICATE_NAME));
        let by_name = claims.iter().find(|certificate| Some(certificate.metadata.name.as_str()) == named);
        let oldest = || claims.iter().min_by_key(|c| (c.metadata.creation_timestamp, &c.metadata.name));
        by_name.or_else(oldest).copied()
    }
}
