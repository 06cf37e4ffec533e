use super::scene::{Scene, certificates, events};
use crate::objects::{Certificate, ConditionStatus, Issuer, IssuerRef, Key};
use crate::planner::action::{Kind, Plan, Write};
use crate::planner::troubles;
use std::sync::Arc;

fn reference(name: &str, kind: &str, group: &str) -> IssuerRef {
    IssuerRef { name: name.to_owned(), kind: kind.to_owned(), group: group.to_owned() }
}

/// A Certificate without a Secret that names this issuer. The Issuer `web/own` is of the type vault.
fn scene(reference: IssuerRef) -> Scene {
    let mut scene = Scene::new();
    scene.secret = None;
    scene.request = None;
    scene.certificate.spec.issuer_ref = reference;
    let mut own = Issuer::clone(&scene.issuer);
    own.metadata.namespace = "web".to_owned();
    own.metadata.name = "own".to_owned();
    own.spec.acme = None;
    own.spec.vault = Some(serde_json::json!({}));
    scene.more.issuers.insert(own.key(), Arc::new(own));
    scene
}

fn told(plan: &Plan) -> Vec<(&'static str, &str)> {
    let about = events(plan).into_iter().filter(|event| event.kind == Kind::Certificate);
    about.filter(|event| event.reason.starts_with("Issuer")).map(|event| (event.reason, &*event.message)).collect()
}

#[test]
fn an_issuer_that_nobody_serves_is_told_on_the_certificate() {
    for (reference, words) in [
        (reference("le", "ClusterIssuer", "certmanager.k8s.io"), "write cert-manager.io, or leave it out"),
        (reference("le", "ClusterIssuer", "certmanager.io"), "write cert-manager.io, or leave it out"),
        (
            reference("pca", "AWSPCAIssuer", "awspca.cert-manager.io"),
            "\"awspca.cert-manager.io\" is that of another signer",
        ),
        (reference("le", "clusterissuer", ""), "issuerRef.kind \"clusterissuer\" does not exist: write ClusterIssuer"),
        (reference("le", "AWSPCAIssuer", ""), "write Issuer or ClusterIssuer, or the group of another signer"),
        (
            reference("own", "", ""),
            "Issuer \"own\" is of the type vault, which flow-proxy does not serve: name an issuer with spec.acme, spec.ca or",
        ),
    ] {
        let scene = scene(reference);
        let plan = scene.plan();
        assert!(
            told(&plan).iter().any(|(reason, text)| *reason == "IssuerNotServed" && text.contains(words)),
            "{words}: {plan:?}"
        );
        let ready = scene.condition("Ready").unwrap();
        assert_eq!((ready.status, ready.reason.as_str()), (ConditionStatus::False, "IssuerNotServed"));
        assert!(ready.message.contains(words), "{}", ready.message);
        assert_eq!(scene.condition("Issuing"), None);
        let found = troubles(&scene.view(), &scene.settings);
        assert!(
            found.iter().any(|trouble| trouble.key == Key::new("web", "a") && trouble.message.contains(words)),
            "{found:?}"
        );
        // The next look finds it written.
        let updated = Scene { certificate: scene.updated(), ..scene };
        assert!(certificates(&updated.plan()).is_empty());
    }
}

#[test]
fn where_a_cert_manager_may_be_at_work_its_own_is_left_to_it() {
    let mut scene = scene(reference("own", "Issuer", ""));
    scene.settings.alone = false;
    let plan = scene.plan();
    assert!(plan.steps.is_empty() && plan.calls.is_empty(), "{plan:?}");
    assert!(troubles(&scene.view(), &scene.settings).is_empty());
}

#[test]
fn a_certificate_that_is_good_stays_so_and_is_said_not_to_be_renewed() {
    let mut scene = Scene::new();
    scene.certificate = scene.updated();
    scene.issuer.spec.acme = None;
    scene.issuer.spec.venafi = Some(serde_json::json!({}));
    let plan = scene.plan();
    assert!(certificates(&plan).is_empty(), "{plan:?}");
    assert!(
        told(&plan)[0].1.starts_with("the certificate will not be renewed: ClusterIssuer \"le\" is of the type venafi")
    );
}

#[test]
fn an_issuer_that_does_not_exist_is_told_with_the_one_that_was_meant() {
    for (reference, words) in [
        (
            reference("le", "", ""),
            "Referenced \"Issuer\" not found: issuer.cert-manager.io \"le\" not found, but ClusterIssuer \"le\" is there: write \
             issuerRef.kind: ClusterIssuer",
        ),
        (
            reference("own", "ClusterIssuer", ""),
            "Referenced \"ClusterIssuer\" not found: clusterissuer.cert-manager.io \"own\" not found, but Issuer \"own\" is there: \
             write issuerRef.kind: Issuer",
        ),
        (
            reference("lf", "ClusterIssuer", ""),
            "Referenced \"ClusterIssuer\" not found: clusterissuer.cert-manager.io \"lf\" not found",
        ),
    ] {
        let scene = scene(reference);
        assert_eq!(told(&scene.plan()), [("IssuerNotFound", words)]);
        let ready = scene.condition("Ready").unwrap();
        assert_eq!((ready.reason.as_str(), ready.message.as_str()), ("IssuerNotFound", words));
        // It begins all the same: the issuer may be created later.
        assert!(scene.condition("Issuing").is_some());
        let updated = Scene { certificate: scene.updated(), ..scene };
        assert!(told(&updated.plan()).is_empty(), "once");
    }
}

#[test]
fn a_secret_that_was_there_for_something_else_is_told_before_it_is_written() {
    let mut scene = Scene::new();
    let old = scene.secret.take().unwrap();
    let mut metadata = old.metadata.clone();
    metadata.annotations.clear();
    let mut owner = crate::objects::Owner::controller("external-secrets.io/v1", "ExternalSecret", &old.metadata);
    owner.name = "vault".to_owned();
    metadata.owner_references = vec![owner];
    let data = [("password".to_owned(), b"x".to_vec())].into();
    scene.secret = Some(crate::objects::Secret::new(metadata, "Opaque", data));
    let plan = scene.plan();
    let told = events(&plan).into_iter().find(|event| event.reason == "SecretInUse").unwrap();
    assert_eq!(
        told.message,
        "Secret \"a\" was there before: its type stays Opaque, its entries password stay, and ExternalSecret \"vault\", \
         which owns it, may undo what is written; tls.crt and tls.key are written: choose another secretName where that is \
         not meant"
    );
    // Our own group is served.
    let mut scene = Scene::new();
    scene.certificate.spec.dns_names.push("b.example".to_owned());
    assert!(events(&scene.plan()).iter().all(|event| event.reason != "SecretInUse"));
}

#[test]
fn the_first_certificate_of_a_secret_is_the_one_that_fills_it() {
    let mut scene = Scene::new();
    scene.secret = None;
    scene.request = None;
    let mut second: Certificate = super::scene::certificate("b", &["b.example"]);
    second.spec.secret_name = "a".to_owned();
    second.metadata.creation_timestamp = Some(super::scene::now() - jiff::SignedDuration::from_mins(1));
    scene.more.certificates.insert(second.key(), Arc::new(second));
    let written = certificates(&scene.plan());
    let second = written.iter().find(|c| c.metadata.name == "b").unwrap();
    let ready = crate::objects::condition(&second.status.conditions, "Ready").unwrap();
    assert_eq!(ready.reason, "IncorrectCertificate");
    assert!(ready.message.contains("filled by Certificate \"a\""), "{}", ready.message);
    let found = troubles(&scene.view(), &scene.settings);
    assert_eq!(found.iter().map(|trouble| trouble.key.name.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(scene.plan().steps.iter().flat_map(|s| &s.writes).all(|w| !matches!(w, Write::Create(_))));
}
