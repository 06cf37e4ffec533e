//! Less memory for objects that are done: the chain of each certificate stands in its request, its order and its Secret.

use crate::names::{CERTIFICATE_NAME, CERTIFICATE_REVISION};
use crate::objects::{CertificateRequest, ConditionStatus, Key, Order, State, condition};
use crate::view::View;
use std::collections::HashSet;

/// The text in place of an order's certificate that was dropped.
const DROPPED: &str = "-";

/// The objects that are smaller now. They are to be kept in place of those of the same version.
#[derive(Debug, Default)]
pub struct Shrunk {
    /// Requests.
    pub requests: Vec<CertificateRequest>,
    /// Orders.
    pub orders: Vec<Order>,
}

/// Returns smaller versions of objects that are done since another view. What is left out is not read again.
#[must_use]
pub fn shrunk(view: &View, since: &View) -> Shrunk {
    let mut requests: HashSet<Key> = view.requests.changed_since(&since.requests).into_iter().cloned().collect();
    // An order is done with its request, and a request with its Certificate.
    let mut orders: HashSet<Key> = view.orders.changed_since(&since.orders).into_iter().cloned().collect();
    for order in view.orders.values().filter(|order| !is_small(order)) {
        let owner =
            order.metadata.controller().map(|owner| Key::new(order.metadata.namespace.clone(), owner.name.clone()));
        if owner.is_some_and(|owner| requests.contains(&owner)) {
            orders.insert(order.key());
        }
    }
    for key in view.certificates.changed_since(&since.certificates) {
        let revision = view.certificates.get(key).and_then(|certificate| certificate.status.revision);
        requests.extend(
            revision.map(|revision| Key::new(key.namespace.clone(), crate::names::numbered(&key.name, revision))),
        );
    }
    Shrunk {
        requests: requests.iter().filter_map(|key| smaller_request(view, view.requests.get(key)?)).collect(),
        orders: orders.iter().filter_map(|key| smaller_order(view, view.orders.get(key)?)).collect(),
    }
}

/// True if a request is signed or has failed.
fn is_answered(request: &CertificateRequest) -> bool {
    condition(&request.status.conditions, "Ready")
        .is_some_and(|ready| ready.status == ConditionStatus::True || matches!(&*ready.reason, "Failed" | "Denied"))
}

fn smaller_request(view: &View, request: &CertificateRequest) -> Option<CertificateRequest> {
    if request.spec.request.is_empty() || !is_answered(request) {
        return None;
    }
    let meta = &request.metadata;
    let certificate = Key::new(meta.namespace.clone(), meta.annotation(CERTIFICATE_NAME)?);
    let revision: i64 = meta.annotation(CERTIFICATE_REVISION)?.parse().ok()?;
    let taken = view.certificates.get(&certificate)?.status.revision? >= revision;
    taken.then(|| {
        let mut small = CertificateRequest { spec: request.spec.without_text(), ..request.clone() };
        small.status.certificate = String::new();
        small
    })
}

fn is_small(order: &Order) -> bool {
    order.spec.request.is_empty()
}

fn smaller_order(view: &View, order: &Order) -> Option<Order> {
    let status = &order.status;
    let ended = status.state.is_failure() || (status.state == State::Valid && !status.certificate.is_empty());
    if is_small(order) || !ended {
        return None;
    }
    let owner = order.metadata.controller()?;
    let request = view.requests.get(&Key::new(order.metadata.namespace.clone(), owner.name.clone()))?;
    if !is_answered(request) {
        return None;
    }
    let mut small = order.clone();
    small.spec.request = String::new();
    small.status.authorizations = Vec::new();
    small.status.finalize_url = String::new();
    if !small.status.certificate.is_empty() {
        small.status.certificate = DROPPED.to_owned();
    }
    Some(small)
}

/// True if an order's certificate was dropped.
#[must_use]
pub(crate) fn is_dropped(order: &Order) -> bool {
    order.status.certificate == DROPPED
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::objects::{Certificate, CertificateSpec, Meta, Object, Owner, RequestSpec, set_condition};
    use crate::x509::csr;
    use crate::x509::key::PrivateKey;
    use std::sync::Arc;

    #[test]
    fn what_is_done_loses_its_texts_and_keeps_what_was_read() {
        let spec = CertificateSpec { dns_names: vec!["a.example".to_owned()], ..CertificateSpec::default() };
        let key = PrivateKey::generate(&crate::objects::PrivateKeySpec {
            algorithm: Some(crate::objects::Algorithm::ECDSA),
            ..Default::default()
        });
        let text = csr::make(&spec, &key.unwrap()).unwrap();
        let mut certificate: Certificate =
            Object { metadata: Meta::named(Key::new("web", "a")), spec, status: Default::default() };
        let mut request: CertificateRequest = Object {
            metadata: Meta::named(Key::new("web", "a-1")),
            spec: RequestSpec::new(Default::default(), text.clone(), String::new()),
            status: Default::default(),
        };
        request.metadata.annotations.insert(CERTIFICATE_NAME.to_owned(), "a".to_owned());
        request.metadata.annotations.insert(CERTIFICATE_REVISION.to_owned(), "1".to_owned());
        let mut order = Order { metadata: Meta::named(Key::new("web", "a-1-1")), ..Order::default() };
        order.metadata.owner_references = vec![Owner::controller("v1", "CertificateRequest", &request.metadata)];
        order.spec.request = text;
        order.status.state = State::Valid;
        order.status.certificate = "Y2hhaW4=".to_owned();
        let mut view = View::default();
        view.certificates.insert(certificate.key(), Arc::new(certificate.clone()));
        view.requests.insert(request.key(), Arc::new(request.clone()));
        view.orders.insert(order.key(), Arc::new(order.clone()));
        // Nothing is done: the request waits for its order's certificate.
        let before = View::default();
        assert!(shrunk(&view, &before).orders.is_empty() && shrunk(&view, &before).requests.is_empty());
        let now = jiff::Timestamp::now();
        set_condition(&mut request.status.conditions, "Ready", ConditionStatus::True, "Issued", "", None, now);
        request.status.certificate = "Y2hhaW4=".to_owned();
        let last = view.clone();
        view.requests.insert(request.key(), Arc::new(request.clone()));
        // The order is done with it, the request when its Certificate has taken it.
        let small = shrunk(&view, &last);
        assert!(small.requests.is_empty() && is_dropped(&small.orders[0]) && small.orders[0].spec.request.is_empty());
        let last = view.clone();
        certificate.status.revision = Some(1);
        view.certificates.insert(certificate.key(), Arc::new(certificate));
        let small = shrunk(&view, &last).requests.pop().unwrap();
        assert!(small.status.certificate.is_empty() && small.spec.request.is_empty());
        assert_eq!(small.spec.csr().unwrap().dns_names, ["a.example"]);
        assert_eq!(small.spec.csr().unwrap().public_key, request.spec.csr().unwrap().public_key);
        // Once is enough.
        view.requests.insert(small.key(), Arc::new(small));
        assert!(shrunk(&view, &before).requests.is_empty());
    }
}
