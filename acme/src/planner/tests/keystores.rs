//! Key stores and additional formats: when a Secret is written again, and what is said where one cannot be.

use super::scene::Scene;
use crate::objects::{ConditionStatus, Key, Keystore, Keystores, Meta, OutputFormat, Secret, SecretKeyRef};
use crate::planner::action::Write;
use crate::planner::troubles;
use std::collections::BTreeMap;
use std::sync::Arc;

fn store(password: &str) -> Keystore {
    let reference = SecretKeyRef { name: password.to_owned(), key: "pass".to_owned() };
    Keystore { create: true, password_secret_ref: Some(reference), ..Keystore::default() }
}

/// A scene with a Secret that has its annotations, which asks for key stores of both forms.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.certificate = scene.updated();
    scene.secret = written(&scene);
    assert!(written(&scene).is_none(), "nothing is to be done");
    scene.certificate.spec.keystores = Some(Keystores { jks: Some(store("words")), pkcs12: Some(store("words")) });
    scene
}

fn password(scene: &mut Scene, text: &str) {
    let place = Key::new("web", "words");
    let data = BTreeMap::from([("pass".to_owned(), text.as_bytes().to_vec())]);
    scene.more.secrets.insert(place.clone(), Arc::new(Secret::new(Meta::named(place), "Opaque", data)));
}

/// The Secret that the next look writes.
fn written(scene: &Scene) -> Option<Secret> {
    // First the status, then the Secret.
    let mut ready = scene.view();
    let updated = scene.updated();
    ready.certificates.insert(updated.key(), Arc::new(updated));
    let plan = crate::planner::plan(&ready, &scene.settings, super::scene::now());
    let mut writes = plan.steps.into_iter().flat_map(|step| step.writes);
    writes.find_map(|write| match write {
        Write::Apply(secret) => Some(*secret),
        _ => None,
    })
}

/// The names of its entries beside the certificate and its key.
fn extras(secret: &Secret) -> Vec<&str> {
    secret.data.keys().map(String::as_str).filter(|name| !name.starts_with("tls.")).collect()
}

#[test]
fn key_stores_are_written_once_and_again_when_something_has_changed() {
    let mut scene = scene();
    password(&mut scene, "one");
    let first = written(&scene).unwrap();
    assert_eq!(extras(&first), ["keystore.jks", "keystore.p12"]);
    scene.secret = Some(first.clone());
    assert_eq!(written(&scene), None);
    assert_eq!(scene.condition("KeystoresWritten"), None);

    // Another password: both. Another alias: one.
    password(&mut scene, "two");
    let second = written(&scene).unwrap();
    assert!(["keystore.jks", "keystore.p12"].iter().all(|entry| first.data[*entry] != second.data[*entry]));
    scene.secret = Some(second.clone());
    scene.certificate.spec.keystores.as_mut().unwrap().jks.as_mut().unwrap().alias = Some("web".to_owned());
    let third = written(&scene).unwrap();
    assert_ne!(third.data["keystore.jks"], second.data["keystore.jks"]);
    assert_eq!(third.data["keystore.p12"], second.data["keystore.p12"]);
    scene.secret = Some(third.clone());
    assert_eq!(written(&scene), None);

    // Somebody changes one.
    let mut data = third.data.clone();
    data.insert("keystore.p12".to_owned(), b"x".to_vec());
    scene.secret = Some(Secret::new(third.metadata.clone(), &*third.kind, data));
    assert_eq!(written(&scene).unwrap().data, third.data);

    // The certificate of a CA: trust stores.
    let mut data = third.data.clone();
    data.insert("ca.crt".to_owned(), data["tls.crt"].clone());
    scene.secret = Some(Secret::new(third.metadata.clone(), &*third.kind, data));
    let trusting = written(&scene).unwrap();
    let all = ["ca.crt", "keystore.jks", "keystore.p12", "truststore.jks", "truststore.p12"];
    assert_eq!(extras(&trusting), all);

    // No longer wanted: they go.
    scene.secret = Some(third);
    scene.certificate.spec.keystores = None;
    let without = written(&scene).unwrap();
    assert!(extras(&without).is_empty());
    scene.secret = Some(without);
    assert_eq!(written(&scene), None);
}

#[test]
fn a_key_store_without_a_password_is_told_and_the_certificate_stays_good() {
    let mut scene = scene();
    let says = |scene: &Scene, words: &str| {
        let told = scene.condition("KeystoresWritten").unwrap();
        assert_eq!((told.status, &*told.reason), (ConditionStatus::False, "PasswordMissing"));
        assert!(told.message.contains(words), "{}", told.message);
        assert_eq!(scene.condition("Ready").unwrap().status, ConditionStatus::True);
        let told = Scene { certificate: scene.updated(), secret: scene.secret.clone(), ..Scene::new() };
        let found = troubles(&told.view(), &told.settings);
        assert!(found.iter().any(|trouble| trouble.message.contains(words)), "{found:?}");
    };
    says(&scene, "fetching JKS keystore password from Secret: secret \"words\" not found; fetching PKCS12");
    assert_eq!(written(&scene), None);
    password(&mut scene, "");
    says(&scene, "PKCS12 keystore password Secret contains no data for key \"pass\"");
    password(&mut scene, "🔑");
    says(&scene, "error encoding PKCS12 bundle: the password is not text that PKCS#12 can have");
    assert_eq!(extras(&written(&scene).unwrap()), ["keystore.jks"]);

    // Lost later: what is there stays.
    password(&mut scene, "one");
    scene.secret = written(&scene);
    scene.more.secrets.remove(&Key::new("web", "words"));
    assert_eq!(written(&scene), None);

    // A password in the Certificate itself.
    let literal = Keystore { create: true, password: Some("literal".to_owned()), ..Keystore::default() };
    scene.certificate.spec.keystores = Some(Keystores { jks: None, pkcs12: Some(literal) });
    assert_eq!(scene.condition("KeystoresWritten"), None);
    assert_eq!(extras(&written(&scene).unwrap()), ["keystore.p12"]);
    // Present, but not to be made.
    scene.certificate.spec.keystores.as_mut().unwrap().pkcs12.as_mut().unwrap().create = false;
    assert!(extras(&written(&scene).unwrap()).is_empty());
}

#[test]
fn additional_formats_come_and_go_with_the_spec() {
    let mut scene = Scene::new();
    scene.certificate = scene.updated();
    scene.secret = written(&scene);
    let format = |kind: &str| OutputFormat { kind: kind.to_owned() };
    scene.certificate.spec.additional_output_formats = vec![format("DER"), format("CombinedPEM")];
    let with = written(&scene).unwrap();
    assert_eq!(extras(&with), ["key.der", "tls-combined.pem"]);
    let combined = [&with.data["tls.key"][..], b"\n", &with.data["tls.crt"]].concat();
    assert_eq!(with.data["tls-combined.pem"], combined);
    scene.secret = Some(with);
    assert_eq!(written(&scene), None);
    scene.certificate.spec.additional_output_formats.pop();
    let less = written(&scene).unwrap();
    assert!(!less.data.contains_key("tls-combined.pem") && less.data.contains_key("key.der"));
    scene.secret = Some(less);
    scene.certificate.spec.additional_output_formats.clear();
    assert!(extras(&written(&scene).unwrap()).is_empty());
}
