use super::scene::{Scene, ecdsa, now, request};
use crate::names::ACCOUNT;
use crate::objects::{CertificateRequest, ConditionStatus, Order, condition, set_condition};
use crate::planner;
use crate::planner::action::{Object, Plan, Write};
use crate::x509::key::PrivateKey;
use jiff::SignedDuration;
use std::sync::Arc;

/// A request of revision 2 for these names, approved.
pub(super) fn scene(names: &[String], common_name: &str) -> Scene {
    let mut scene = Scene::new();
    scene.certificate.spec.dns_names = names.to_vec();
    scene.certificate.spec.common_name = common_name.to_owned();
    let key = PrivateKey::generate(&ecdsa()).unwrap();
    let mut asked = request(&scene.certificate, &key, 2);
    asked.status.conditions.clear();
    set_condition(&mut asked.status.conditions, "Approved", ConditionStatus::True, "x", "", None, now());
    scene.request = Some(asked);
    scene
}

fn outcome(plan: &Plan) -> Option<(String, String)> {
    plan.steps.iter().flat_map(|step| &step.writes).find_map(|write| match write {
        Write::Status(Object::CertificateRequest(request)) => {
            condition(&request.status.conditions, "Ready").map(|c| (c.reason.clone(), c.message.clone()))
        }
        _ => None,
    })
}

fn orders(plan: &Plan) -> Vec<Order> {
    let writes = plan.steps.iter().flat_map(|step| &step.writes);
    writes
        .filter_map(|write| match write {
            Write::Create(Object::Order(order)) => Some(Order::clone(order)),
            _ => None,
        })
        .collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("host-{n}.example")).collect()
}

#[test]
fn a_request_is_ordered_at_once_and_described_when_it_takes_time() {
    let mut scene = scene(&names(2), "");
    let request = scene.request.as_mut().unwrap();
    request.status.conditions.clear();
    request.metadata.creation_timestamp = Some(now());
    let plan = scene.plan();
    let mut order = orders(&plan).pop().unwrap();
    assert_eq!(order.spec.dns_names, names(2));
    assert!(order.metadata.name.starts_with("a-2-"), "{}", order.metadata.name);
    assert_eq!(order.metadata.annotation(ACCOUNT), Some("https://ca.example/acct/1"));
    assert!(requests(&plan).is_empty());
    // A state that passes is not written; one that lasts is.
    order.metadata.uid = "order".to_owned();
    scene.more.orders.insert(order.key(), Arc::new(order.clone()));
    let plan = scene.plan();
    assert!(requests(&plan).is_empty() && plan.wake <= Some(now() + SignedDuration::from_secs(10)));
    let plan = planner::plan(&scene.view(), &scene.settings, now() + SignedDuration::from_secs(10));
    let told = requests(&plan).pop().unwrap();
    assert_eq!(words(&told, "Approved"), "Certificate request has been approved by cert-manager.io");
    let waiting = format!("Waiting on certificate issuance from order web/{}: \"pending\"", order.metadata.name);
    assert_eq!(words(&told, "Ready"), waiting);
    // A clock that goes behind that of the API server hides nothing.
    scene.request.as_mut().unwrap().metadata.creation_timestamp = Some(now() + SignedDuration::from_hours(1));
    assert_eq!(requests(&scene.plan()).len(), 1);
    scene.request.as_mut().unwrap().metadata.creation_timestamp = Some(now());
    // What the CA objects to is told at once, and so is the result.
    order.status.reason = "Failed to create Order: 429".to_owned();
    scene.more.orders.insert(order.key(), Arc::new(order.clone()));
    assert_eq!(words(&requests(&scene.plan())[0], "Ready"), format!("{waiting}: Failed to create Order: 429"));
    order.status.certificate = "Y2hhaW4=".to_owned();
    scene.more.orders.insert(order.key(), Arc::new(order));
    let issued = requests(&scene.plan()).pop().unwrap();
    assert_eq!(words(&issued, "Ready"), "Certificate fetched from issuer successfully");
    assert!(!words(&issued, "Approved").is_empty());
}

/// The requests whose status a plan writes.
fn requests(plan: &Plan) -> Vec<CertificateRequest> {
    let writes = plan.steps.iter().flat_map(|step| &step.writes);
    let written = writes.filter_map(|write| match write {
        Write::Status(Object::CertificateRequest(request)) => Some(CertificateRequest::clone(request)),
        _ => None,
    });
    written.collect()
}

fn words(request: &CertificateRequest, kind: &str) -> String {
    condition(&request.status.conditions, kind).map(|c| c.message.clone()).unwrap_or_default()
}

#[test]
fn what_no_ca_would_issue_is_not_ordered() {
    const NEEDS_DNS: &str = "needs a DNS-01 solver; flow-proxy solves HTTP-01 only, and DNS-PERSIST-01 where the annotation \
                             flow-proxy.ominis.ai/challenge-type of the issuer says so";
    let wildcard = vec!["*.a.example".to_owned()];
    for (names, common_name, profile, wanted) in [
        (wildcard, "", "", &*format!("*.a.example {NEEDS_DNS}")),
        (names(101), "", "", "101 names are more than the 100 of profile \"default\": split the Certificate"),
        (names(26), "", "tlsserver", "26 names are more than the 25 of profile \"tlsserver\": split the Certificate"),
        (Vec::new(), "", "", "the request names nothing: dnsNames or ipAddresses must be set"),
    ] {
        let mut scene = scene(&names, common_name);
        scene.issuer.spec.acme.as_mut().unwrap().profile = profile.to_owned();
        let plan = scene.plan();
        assert!(orders(&plan).is_empty());
        assert_eq!(outcome(&plan), Some(("Failed".to_owned(), wanted.to_owned())));
    }
    let mut scene_of_wildcard = scene(&["*.a.example".to_owned()], "");
    let by_record = ("flow-proxy.ominis.ai/challenge-type".to_owned(), "DNS-PERSIST-01".to_owned());
    scene_of_wildcard.issuer.metadata.annotations.extend([by_record]);
    assert_eq!(orders(&scene_of_wildcard.plan()).len(), 1, "a record proves wildcards");
    let (reason, message) = outcome(&scene(&names(1), "other.example").plan()).unwrap();
    assert_eq!(reason, "Failed");
    assert!(message.ends_with("\"other.example\" does not exist in [host-0.example] or []"), "{message}");
}

#[test]
fn issuers_that_cannot_sign_are_named() {
    let mut absent = scene(&names(1), "");
    let kind = absent.request.as_mut().unwrap();
    kind.spec.issuer_ref.name = "nobody".to_owned();
    let message = "Referenced \"ClusterIssuer\" not found: clusterissuer.cert-manager.io \"nobody\" not found";
    assert_eq!(outcome(&absent.plan()), Some(("Pending".to_owned(), message.to_owned())));
    let mut unready = scene(&names(1), "");
    unready.issuer.status.conditions.clear();
    let message = "Referenced issuer does not have a Ready status condition";
    assert_eq!(outcome(&unready.plan()), Some(("Pending".to_owned(), message.to_owned())));
}

#[test]
fn denied_requests_stay_denied() {
    let mut scene = scene(&names(1), "");
    let conditions = &mut scene.request.as_mut().unwrap().status.conditions;
    set_condition(conditions, "Denied", ConditionStatus::True, "x", "", None, now());
    let plan = scene.plan();
    assert!(orders(&plan).is_empty());
    assert_eq!(outcome(&plan).unwrap().0, "Denied");
}

#[test]
fn an_order_of_another_account_gives_way_to_ours() {
    let mut scene = scene(&names(1), "");
    let mut order = orders(&scene.plan()).pop().unwrap();
    order.metadata.uid = "order-uid".to_owned();
    order.status.url = "https://ca.example/order/cert-managers".to_owned();
    order.metadata.annotations.remove(ACCOUNT);
    scene.more.orders.insert(order.key(), Arc::new(order.clone()));
    let plan = scene.plan();
    let gone = plan
        .steps
        .iter()
        .flat_map(|step| &step.writes)
        .any(|write| matches!(write, Write::Delete { key, uid, .. } if *key == order.key() && uid == "order-uid"));
    assert!(gone && plan.calls.iter().all(|call| call.word() == "next_key"), "{:?}", plan.calls);
    // A finished order is used, whichever account placed it.
    order.status.state = crate::objects::State::Valid;
    order.status.certificate = "UEVN".to_owned();
    scene.more.orders.insert(order.key(), Arc::new(order));
    assert_eq!(outcome(&scene.plan()).unwrap().0, "Issued");
}

#[test]
fn what_cannot_be_read_fails() {
    let mut scene = scene(&names(1), "");
    let broken = CertificateRequest::clone(scene.request.as_ref().unwrap());
    scene.request = Some(CertificateRequest {
        spec: crate::objects::RequestSpec::new(broken.spec.issuer_ref.clone(), "bm9uZQ==".to_owned(), String::new()),
        ..broken
    });
    let (reason, message) = outcome(&scene.plan()).unwrap();
    assert_eq!(reason, "Failed");
    assert_eq!(message, "Failed to decode CSR in spec.request: error decoding certificate request PEM block");
}
