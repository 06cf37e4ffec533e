use super::scene::{Scene, certificate, ecdsa, events, now, request, secret};
use crate::names::{CERTIFICATE_NAME, ISSUER_NAME};
use crate::objects::{ConditionStatus, IssuerRef, RotationPolicy, Secret};
use crate::planner::{Call, Kind, Line, Planner, Urgency};
use crate::x509::key::PrivateKey;
use flow_model::duration::GoDuration;
use jiff::SignedDuration;
use std::sync::Arc;

fn data(scene: &mut Scene, entry: &str, value: &[u8]) {
    let old = scene.secret.take().unwrap();
    let mut data = old.data.clone();
    data.insert(entry.to_owned(), value.to_vec());
    scene.secret = Some(Secret::new(old.metadata, old.kind, data));
}

#[test]
fn what_is_in_order_is_ready() {
    let scene = Scene::new();
    let ready = scene.condition("Ready").unwrap();
    assert_eq!(ready.status, ConditionStatus::True);
    assert_eq!((ready.reason.as_str(), ready.observed_generation), ("Ready", Some(1)));
    assert_eq!(ready.message, "Certificate is up to date and has not expired");
    assert_eq!(scene.condition("Issuing"), None);
    let status = scene.updated().status;
    // From an hour before its making, for 90 days: a third before its end.
    assert_eq!(status.not_before.unwrap().to_string(), "2026-11-23T11:00:00Z");
    assert_eq!(status.not_after.unwrap().to_string(), "2027-02-21T12:00:00Z");
    assert_eq!(status.renewal_time.unwrap().to_string(), "2027-01-22T11:40:00Z");
}

#[test]
fn every_mistake_has_its_reason_and_its_words() {
    type Break = fn(&mut Scene);
    let cases: [(&str, &str, Break); 12] = [
        ("DoesNotExist", "Issuing certificate as Secret does not exist", |s| s.secret = None),
        ("MissingData", "Issuing certificate as Secret does not contain any data", |s| {
            data(s, "tls.crt", b"");
            data(s, "tls.key", b"");
        }),
        ("MissingData", "Issuing certificate as Secret does not contain a private key", |s| data(s, "tls.key", b"")),
        ("MissingData", "Issuing certificate as Secret does not contain a certificate", |s| data(s, "tls.crt", b"")),
        (
            "InvalidKeyPair",
            "Issuing certificate as Secret contains invalid private key data: error decoding private key PEM block",
            |s| data(s, "tls.key", b"x"),
        ),
        (
            "InvalidCertificate",
            "Issuing certificate as Secret contains an invalid certificate: error decoding certificate PEM block",
            |s| data(s, "tls.crt", b"x"),
        ),
        (
            "InvalidKeyPair",
            "Issuing certificate as Secret contains a private key that does not match the certificate",
            |s| {
                let key = PrivateKey::generate(&ecdsa()).unwrap();
                data(s, "tls.key", key.to_pem(crate::objects::Encoding::PKCS8).as_bytes());
            },
        ),
        (
            "IncorrectIssuer",
            "Issuing certificate as Secret was previously issued by \"ClusterIssuer.cert-manager.io/other\"",
            |s| {
                let secret = s.secret.as_mut().unwrap();
                secret.metadata.annotations.insert(ISSUER_NAME.to_owned(), "other".to_owned());
            },
        ),
        (
            "IncorrectCertificate",
            "Secret was issued for \"b\". If this message is not transient, you might have two conflicting \
             Certificates pointing to the same secret.",
            |s| {
                let secret = s.secret.as_mut().unwrap();
                secret.metadata.annotations.insert(CERTIFICATE_NAME.to_owned(), "b".to_owned());
            },
        ),
        ("SecretMismatch", "Existing private key is not up to date for spec: [spec.privateKey.size]", |s| {
            s.certificate.spec.private_key.as_mut().unwrap().size = Some(384);
        }),
        ("SecretMismatch", "Secret contains a private key that does not match the current CertificateRequest", |s| {
            s.request = Some(request(&s.certificate, &PrivateKey::generate(&ecdsa()).unwrap(), 1))
        }),
        (
            "RequestChanged",
            "Fields on existing CertificateRequest resource not up to date: [spec.commonName spec.dnsNames]",
            |s| {
                s.certificate.spec.dns_names.push("b.example".to_owned());
                s.certificate.spec.common_name = "b.example".to_owned();
            },
        ),
    ];
    for (reason, message, breaks) in cases {
        let mut scene = Scene::new();
        breaks(&mut scene);
        let ready = scene.condition("Ready").unwrap();
        assert_eq!((ready.status, ready.reason.as_str()), (ConditionStatus::False, reason));
        assert_eq!(ready.message, message);
        let issuing = scene.condition("Issuing").unwrap_or_else(|| panic!("{message}: nothing is issued"));
        assert_eq!((issuing.status, issuing.reason.as_str()), (ConditionStatus::True, reason));
        assert_eq!(issuing.message, message);
        let plan = scene.plan();
        assert!(events(&plan).iter().any(|event| event.reason == "Issuing" && event.message == message));
    }
}

#[test]
fn without_a_request_the_names_decide() {
    let mut scene = Scene::new();
    scene.request = None;
    assert_eq!(scene.condition("Ready").unwrap().reason, "Ready");
    // A Secret without annotations is taken over.
    scene.secret.as_mut().unwrap().metadata.annotations.clear();
    assert_eq!(scene.condition("Ready").unwrap().reason, "Ready");
    scene.certificate.spec.dns_names = vec!["b.example".to_owned()];
    let issuing = scene.condition("Issuing").unwrap();
    assert_eq!(issuing.reason, "SecretMismatch");
    assert_eq!(
        issuing.message,
        "Issuing certificate as Existing issued Secret is not up to date for spec: [spec.dnsNames]"
    );
}

fn aged(days: i64) -> Scene {
    let mut scene = Scene::new();
    let key = PrivateKey::generate(&ecdsa()).unwrap();
    let since = now().checked_sub(SignedDuration::from_hours(24 * days)).unwrap();
    scene.secret = Some(secret(&scene.certificate, &key, since));
    scene.request = Some(request(&scene.certificate, &key, 1));
    scene
}

#[test]
fn renewal_comes_a_third_before_the_end() {
    assert_eq!(aged(59).condition("Issuing"), None);
    let scene = aged(61);
    let issuing = scene.condition("Issuing").unwrap();
    assert_eq!(issuing.reason, "Renewing");
    let status = scene.updated().status;
    assert_eq!(
        issuing.message,
        format!("Renewing certificate as renewal was scheduled at {}", status.renewal_time.unwrap())
    );
    // During a renewal the old certificate is served as before.
    assert_eq!(scene.condition("Ready").unwrap().status, ConditionStatus::True);
}

#[test]
fn the_spec_says_when_to_renew() {
    let days = |n: u64| Some(GoDuration::from_secs(n * 86_400));
    for (before, percentage, age, due) in [
        (days(10), None, 79, false),
        (days(10), None, 81, true),
        // Longer than the certificate lives: a third.
        (days(100), None, 59, false),
        (days(100), None, 61, true),
        (None, Some(50), 44, false),
        (None, Some(50), 46, true),
        (None, Some(100), 59, false),
    ] {
        let mut scene = aged(age);
        scene.certificate.spec.renew_before = before;
        scene.certificate.spec.renew_before_percentage = percentage;
        assert_eq!(scene.condition("Issuing").is_some(), due, "{before:?} {percentage:?} {age}");
    }
    let mut scene = aged(80);
    scene.certificate.spec.renewal =
        Some(crate::objects::Renewal { policy: "Disabled".to_owned(), windows: Vec::new() });
    assert_eq!(scene.condition("Issuing"), None);
    assert_eq!(scene.updated().status.renewal_time, None);
}

#[test]
fn an_expired_certificate_says_so() {
    let scene = aged(91);
    let ready = scene.condition("Ready").unwrap();
    assert_eq!((ready.status, ready.reason.as_str()), (ConditionStatus::False, "Expired"));
    assert_eq!(ready.message, "Certificate expired on Sun, 22 Nov 2026 12:00:00 UTC");
    assert_eq!(scene.condition("Issuing").unwrap().reason, "Renewing");
}

#[test]
fn failures_are_waited_out_ever_longer() {
    for (attempts, minutes, again) in
        [(1, 59, false), (1, 61, true), (2, 119, false), (2, 121, true), (6, 31 * 60, false), (9, 33 * 60, true)]
    {
        let mut scene = Scene::new();
        scene.secret = None;
        scene.certificate.status.failed_issuance_attempts = Some(attempts);
        scene.certificate.status.last_failure_time = Some(now() - SignedDuration::from_mins(minutes));
        assert_eq!(scene.condition("Issuing").is_some(), again, "{attempts} {minutes}");
    }
    // After a change of the spec there is no wait.
    let mut scene = Scene::new();
    scene.secret = None;
    scene.certificate.status.failed_issuance_attempts = Some(3);
    scene.certificate.status.last_failure_time = Some(now());
    let failed = request(&scene.certificate, &PrivateKey::generate(&ecdsa()).unwrap(), 2);
    scene.more.requests.insert(failed.key(), Arc::new(failed));
    assert_eq!(scene.condition("Issuing"), None);
    scene.certificate.spec.dns_names = vec!["corrected.example".to_owned()];
    assert!(scene.condition("Issuing").is_some());
}

#[test]
fn of_two_certificates_on_a_secret_one_is_told_to_go() {
    let mut scene = Scene::new();
    let mut second = certificate("b", &["b.example"]);
    second.spec.secret_name = "a".to_owned();
    scene.more.certificates.insert(second.key(), Arc::new(second));
    let plan = scene.plan();
    let told = events(&plan).into_iter().find(|event| event.reason == "DuplicateSecretName").unwrap();
    assert_eq!(told.key.name, "b");
    assert!(told.message.contains("filled by Certificate \"a\""), "{}", told.message);
    let second = super::scene::certificates(&plan).into_iter().find(|c| c.metadata.name == "b").unwrap();
    let kinds: Vec<_> = second.status.conditions.iter().map(|c| (c.kind.as_str(), c.reason.as_str())).collect();
    assert_eq!(kinds, [("Ready", "IncorrectCertificate")]);
}

#[test]
fn a_key_that_must_stay_is_used_again_or_asked_about() {
    let mut scene = aged(61);
    scene.certificate.spec.private_key.as_mut().unwrap().rotation_policy = Some(RotationPolicy::Never);
    scene.certificate = scene.updated();
    let plan = scene.plan();
    assert!(plan.calls.is_empty(), "no key is made");
    assert_eq!(events(&plan)[0].reason, "Reused");
    scene.certificate.spec.private_key.as_mut().unwrap().size = Some(384);
    let mut scene = Scene { certificate: scene.updated(), ..scene };
    scene.certificate.status.conditions.retain(|c| c.kind == "Issuing");
    scene.certificate = scene.updated();
    let plan = scene.plan();
    assert_eq!(events(&plan)[0].reason, "CannotRegenerateKey");
    assert!(plan.calls.is_empty() && plan.steps.iter().all(|step| step.writes.is_empty()));
}

#[test]
fn a_new_key_is_made_for_each_certificate() {
    let mut scene = aged(61);
    scene.certificate = scene.updated();
    let calls = scene.plan().calls;
    assert_eq!(calls, [Call::NextKey { certificate: scene.certificate.key() }]);
}

#[test]
fn certificates_of_other_signers_are_left_alone() {
    let mut scene = Scene::new();
    scene.secret = None;
    scene.request = None;
    scene.settings.alone = false;
    scene.certificate.spec.issuer_ref.group = "awspca.cert-manager.io".to_owned();
    assert!(scene.plan().steps.is_empty());
    // The same for issuers of cert-manager that are not ACME.
    let mut scene = Scene::new();
    scene.settings.alone = false;
    scene.secret = None;
    scene.issuer.spec.acme = None;
    assert!(scene.plan().steps.is_empty());
    // A missing issuer is reported by the request.
    let mut scene = Scene::new();
    scene.secret = None;
    scene.certificate.spec.issuer_ref = IssuerRef { name: "nobody".to_owned(), ..IssuerRef::default() };
    assert!(scene.condition("Issuing").is_some());
}

#[test]
fn a_renewal_waits_for_its_turn_before_it_is_shown() {
    let line = |scene: &Scene| {
        let mut planner = Planner::new(Arc::new(scene.settings.clone()));
        planner.advance(&Arc::new(scene.view()), Vec::new(), now());
        planner.of(&(Kind::Certificate, scene.certificate.key())).and_then(|plan| plan.line)
    };
    let mut scene = aged(61);
    assert_eq!(line(&scene), Some(Line::Waiting(Urgency::Renewal)));
    assert_eq!(line(&aged(83)), Some(Line::Waiting(Urgency::Expiring)));
    // One that serves nothing says at once that it is being issued, and waits then.
    scene.secret = None;
    assert_eq!(line(&scene), None);
    scene.certificate = scene.updated();
    assert_eq!(line(&scene), Some(Line::Waiting(Urgency::Missing)));
}
