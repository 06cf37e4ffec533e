//! Issuers that sign here: what their condition says, and what becomes of requests.

use super::scene::{Scene, ecdsa, events, now, request, secret};
use crate::names::PRIVATE_KEY_SECRET;
use crate::objects::{
    CaSpec, CertificateSpec, Condition, ConditionStatus, Encoding, Issuer, IssuerSpec, Key, Meta, Secret,
    SelfSignedSpec, condition, set_condition,
};
use crate::planner::action::{Call, Object, Plan, Write};
use crate::x509::csr::{self, Csr};
use crate::x509::key::PrivateKey;
use crate::x509::sign::{self, Terms};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

const PLACE: &str = "flow-proxy";

/// A scene whose issuer is a CA in the Secret `ca`, which is not there, with a request that is approved.
fn scene() -> (Scene, PrivateKey) {
    let mut scene = Scene::new();
    scene.issuer.spec =
        IssuerSpec { ca: Some(CaSpec { secret_name: "ca".to_owned(), ..CaSpec::default() }), ..IssuerSpec::default() };
    scene.issuer.status.conditions.clear();
    let key = PrivateKey::generate(&ecdsa()).unwrap();
    let mut asked = request(&scene.certificate, &key, 2);
    asked.status.conditions.clear();
    set_condition(&mut asked.status.conditions, "Approved", ConditionStatus::True, "x", "", None, now());
    scene.request = Some(asked);
    (scene, key)
}

fn new_key() -> Arc<PrivateKey> {
    Arc::new(PrivateKey::generate(&ecdsa()).unwrap())
}

/// A certificate that signs itself, from `since` on for a day.
fn own(key: &PrivateKey, is_ca: bool, since: Timestamp) -> String {
    let spec = CertificateSpec { common_name: "ca".to_owned(), is_ca, ..CertificateSpec::default() };
    let csr = Csr::from_base64(&csr::make(&spec, key).unwrap()).unwrap();
    let terms = Terms { is_ca, duration: Some(SignedDuration::from_hours(24)), ..Terms::default() };
    sign::by_itself(&csr, &terms, key, [1; 16], since).unwrap().chain
}

fn put(scene: &mut Scene, chain: &str, key: &str) {
    let data = BTreeMap::from([
        ("tls.crt".to_owned(), chain.as_bytes().to_vec()),
        ("tls.key".to_owned(), key.as_bytes().to_vec()),
    ]);
    let place = Key::new(PLACE, "ca");
    scene.more.secrets.insert(place.clone(), Arc::new(Secret::new(Meta::named(place), "kubernetes.io/tls", data)));
}

fn ready_issuer(plan: &Plan) -> Option<Condition> {
    plan.steps.iter().flat_map(|step| &step.writes).find_map(|write| match write {
        Write::Status(Object::Issuer(issuer)) => condition(&issuer.status.conditions, "Ready").cloned(),
        _ => None,
    })
}

fn outcome(plan: &Plan) -> Option<(String, String)> {
    plan.steps.iter().flat_map(|step| &step.writes).find_map(|write| match write {
        Write::Status(Object::CertificateRequest(request)) => {
            condition(&request.status.conditions, "Ready").map(|c| (c.reason.clone(), c.message.clone()))
        }
        _ => None,
    })
}

fn ready(issuer: &mut Issuer) {
    set_condition(&mut issuer.status.conditions, "Ready", ConditionStatus::True, "x", "", None, now());
}

#[test]
fn a_ca_that_cannot_sign_says_why() {
    let (key, other) = (new_key(), new_key());
    let pem = |key: &PrivateKey| key.to_pem(Encoding::PKCS8);
    let (ca, leaf) = (own(&key, true, now()), own(&key, false, now()));
    let old = own(&key, true, now() - SignedDuration::from_hours(24));
    let prefix = "Error getting keypair for CA issuer: ";
    for (entries, reason, words) in [
        (None, "ErrGetKeyPair", "secret \"ca\" not found"),
        (Some((String::new(), pem(&key))), "ErrGetKeyPair", "no data for \"tls.crt\" in secret 'flow-proxy/ca'"),
        (Some((ca.clone(), String::new())), "ErrGetKeyPair", "no data for \"tls.key\" in secret 'flow-proxy/ca'"),
        (Some(("x".to_owned(), pem(&key))), "ErrGetKeyPair", "error decoding certificate PEM block"),
        (Some((ca.clone(), "x".to_owned())), "ErrInvalidKeyPair", "error decoding private key PEM block"),
        (Some((leaf, pem(&key))), "ErrInvalidKeyPair", "certificate is not a CA"),
        (Some((ca.clone(), pem(&other))), "ErrInvalidKeyPair", "the private key does not match the certificate"),
        (Some((old, pem(&key))), "ErrInvalidKeyPair", "the certificate expired on Mon, 23 Nov 2026 12:00:00 UTC"),
    ] {
        let (mut scene, _) = scene();
        if let Some((chain, key)) = entries {
            put(&mut scene, &chain, &key);
        }
        let plan = scene.plan();
        let told = ready_issuer(&plan).unwrap();
        assert_eq!((told.status, &*told.reason), (ConditionStatus::False, reason), "{words}");
        assert_eq!(told.message, format!("{prefix}{words}"));
        assert!(events(&plan).iter().any(|event| event.reason == reason && event.message == told.message));
        // Requests wait for it.
        let waiting = ("Pending".to_owned(), "Referenced issuer does not have a Ready status condition".to_owned());
        assert_eq!(outcome(&plan), Some(waiting));
        assert!(plan.calls.is_empty(), "{plan:?}");
    }
    let (mut scene, _) = scene();
    put(&mut scene, &ca, &pem(&key));
    let plan = scene.plan();
    let told = ready_issuer(&plan).unwrap();
    assert_eq!((&*told.reason, &*told.message), ("KeyPairVerified", "Signing CA verified"));
    assert_eq!(plan.wake.unwrap().duration_since(now()).as_hours(), 24, "it will end");
    ready(&mut scene.issuer);
    let plan = scene.plan();
    assert_eq!(plan.calls, [Call::Sign { request: Key::new("web", "a-2") }]);
}

#[test]
fn a_self_signing_issuer_needs_the_key_of_the_request() {
    let (mut scene, key) = scene();
    scene.issuer.spec = IssuerSpec { self_signed: Some(SelfSignedSpec::default()), ..IssuerSpec::default() };
    let told = ready_issuer(&scene.plan()).unwrap();
    assert_eq!((told.status, &*told.reason, &*told.message), (ConditionStatus::True, "IsReady", ""));
    ready(&mut scene.issuer);
    let name = |scene: &mut Scene, secret: &str| {
        let request = scene.request.as_mut().unwrap();
        request.metadata.annotations.insert(PRIVATE_KEY_SECRET.to_owned(), secret.to_owned());
    };
    let says = |scene: &Scene, reason: &str, words: &str| {
        let (told, message) = outcome(&scene.plan()).unwrap();
        assert_eq!(told, reason);
        assert!(message.contains(words), "{message}");
    };
    says(&scene, "Failed", "Annotation \"cert-manager.io/private-key-secret-name\" missing or reference empty");
    name(&mut scene, "mine");
    says(&scene, "Pending", "Referenced secret web/mine not found");
    let keep = |scene: &mut Scene, pem: &[u8]| {
        let place = Key::new("web", "mine");
        let data = BTreeMap::from([("tls.key".to_owned(), pem.to_vec())]);
        scene.more.secrets.insert(place.clone(), Arc::new(Secret::new(Meta::named(place), "Opaque", data)));
    };
    keep(&mut scene, b"x");
    says(&scene, "Pending", "Failed to get key \"mine\"");
    keep(&mut scene, new_key().to_pem(Encoding::PKCS8).as_bytes());
    says(&scene, "Failed", "CSR not signed by referenced private key");
    keep(&mut scene, key.to_pem(Encoding::PKCS1).as_bytes());
    assert_eq!(scene.plan().calls, [Call::Sign { request: Key::new("web", "a-2") }]);
}

#[test]
fn an_issuer_of_another_type_says_that_nobody_serves_it() {
    let (mut scene, _) = scene();
    scene.issuer.spec = IssuerSpec { vault: Some(serde_json::json!({})), ..IssuerSpec::default() };
    let told = ready_issuer(&scene.plan()).unwrap();
    assert_eq!((told.status, &*told.reason), (ConditionStatus::False, "IssuerNotServed"));
    assert!(told.message.contains("ClusterIssuer \"le\" is of the type vault"), "{}", told.message);
    scene.settings.alone = false;
    assert_eq!(ready_issuer(&scene.plan()), None);
}

#[test]
fn the_certificate_of_the_ca_stays_in_the_secret() {
    let (mut scene, key) = scene();
    let old = secret(&scene.certificate, &key, now());
    let mut data = old.data.clone();
    data.insert("ca.crt".to_owned(), b"the CA".to_vec());
    scene.secret = Some(Secret::new(old.metadata, old.kind, data));
    scene.request = Some(request(&scene.certificate, &key, 1));
    scene.certificate = scene.updated();
    let plan = scene.plan();
    let applied = plan.steps.iter().flat_map(|step| &step.writes).find_map(|write| match write {
        Write::Apply(secret) => Some(secret.data["ca.crt"].clone()),
        _ => None,
    });
    assert_eq!(applied.unwrap(), b"the CA");
}
