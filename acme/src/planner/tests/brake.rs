use super::scene::{Scene, certificates, ecdsa, events, now, request, secret};
use crate::objects::{
    AcmeCertificateStatus, AriStatus, Certificate, Condition, ConditionStatus, Secret, Window, condition, set_condition,
};
use crate::planner::action::Write;
use crate::planner::{self, held};
use crate::x509::key::PrivateKey;
use flow_model::duration::GoDuration;
use jiff::{SignedDuration, Timestamp};

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// Records that the last order was placed `ago` minutes before now, for this generation.
fn ordered(certificate: &mut Certificate, ago: i64) {
    certificate.status.conditions.retain(|c| c.kind != "Ordered");
    certificate.status.conditions.push(Condition {
        kind: "Ordered".to_owned(),
        status: ConditionStatus::True,
        last_transition_time: Some(now() - minutes(ago)),
        reason: "Ordered".to_owned(),
        observed_generation: Some(certificate.metadata.generation),
        ..Condition::default()
    });
}

fn begins(scene: &Scene) -> bool {
    scene.condition("Issuing").is_some_and(|c| c.status == ConditionStatus::True)
}

#[test]
fn a_secret_that_is_deleted_again_is_not_ordered_within_the_hour() {
    let mut scene = Scene::new();
    scene.secret = None;
    ordered(&mut scene.certificate, 10);
    let plan = scene.plan();
    assert!(!begins(&scene));
    let told = scene.condition("OrderHeld").unwrap();
    assert_eq!((told.status, told.reason.as_str()), (ConditionStatus::True, "TooSoon"));
    for words in [
        "the last order was placed at 2026-11-23T11:50:00Z, and the next one waits until 2026-11-23T12:50:00Z",
        "flow-proxy cert renew a -n web",
        "wanted because: Issuing certificate as Secret does not exist",
    ] {
        assert!(told.message.contains(words), "{}", told.message);
    }
    assert_eq!(events(&plan)[0].message, told.message);
    assert_eq!(plan.wake, Some(now() + minutes(50)));
    // It is reported once, and a new leader reads the same.
    scene.certificate = scene.updated();
    assert_eq!(held(&scene.certificate), Some(&*told.message));
    assert!(scene.plan().steps.is_empty());
    ordered(&mut scene.certificate, 61);
    assert!(begins(&scene));
}

#[test]
fn no_time_of_anybody_places_a_second_order_within_the_hour() {
    type Shape = fn(&mut Scene);
    let shapes: [(&str, Shape); 5] = [
        ("a CA whose window is always in the past", |s| {
            let window = Some(Window { start: now() - minutes(30), end: now() - minutes(20) });
            let ari = Some(AriStatus { suggested_window: window, ..AriStatus::default() });
            s.certificate.status.acme = Some(AcmeCertificateStatus { ari });
        }),
        ("a renewal that reaches into the hour that the CA dates back", |s| {
            s.certificate.spec.renew_before = Some(GoDuration::from_secs((90 * 24 + 1) * 3600 - 300));
        }),
        ("a percentage that is due at once", |s| {
            s.certificate.spec.renew_before_percentage = Some(99);
            let since = now() - SignedDuration::from_hours(24 * 2);
            renew(s, since);
        }),
        ("a clock that is far ahead of the CA's", |s| renew(s, now() - SignedDuration::from_hours(24 * 91))),
        ("a Secret that somebody else rewrites", |s| {
            let issuer = s.secret.as_mut().unwrap().metadata.annotations.get_mut("cert-manager.io/issuer-name");
            "other".clone_into(issuer.unwrap());
        }),
    ];
    for (what, shape) in shapes {
        let mut scene = Scene::new();
        shape(&mut scene);
        assert!(begins(&scene), "{what}: it should be due");
        ordered(&mut scene.certificate, 1);
        assert!(!begins(&scene), "{what}");
        assert!(scene.condition("OrderHeld").unwrap().message.contains("2026-11-23T12:59:00Z"), "{what}");
        ordered(&mut scene.certificate, 61);
        assert!(begins(&scene), "{what}");
    }
}

fn renew(scene: &mut Scene, since: Timestamp) {
    let key = PrivateKey::generate(&ecdsa()).unwrap();
    scene.secret = Some(secret(&scene.certificate, &key, since));
    scene.request = Some(request(&scene.certificate, &key, 1));
}

#[test]
fn a_person_who_asks_does_not_wait() {
    let mut scene = Scene::new();
    scene.secret = None;
    ordered(&mut scene.certificate, 10);
    // A changed spec.
    scene.certificate.metadata.generation = 2;
    assert!(begins(&scene));
    // `cert renew`, or the condition set by hand.
    scene.certificate.metadata.generation = 1;
    let Write::Status(planner::Object::Certificate(asked)) = planner::renew(&scene.certificate, now()) else {
        panic!()
    };
    scene.certificate = *asked;
    scene.certificate = scene.updated();
    assert!(scene.plan().calls.iter().any(|call| call.word() == "next_key"));
    assert_eq!(scene.condition("OrderHeld"), None);
}

#[test]
fn a_certificate_that_was_never_ordered_does_not_wait() {
    let mut scene = Scene::new();
    scene.secret = None;
    scene.request = None;
    scene.certificate.status.revision = None;
    assert!(begins(&scene));
    let ordered = condition(&scene.updated().status.conditions, "Ordered").cloned().unwrap();
    assert_eq!((ordered.last_transition_time, ordered.observed_generation), (Some(now()), Some(1)));
}

#[test]
fn without_the_condition_the_request_tells_when_it_was_ordered() {
    let mut scene = Scene::new();
    scene.secret = None;
    scene.request.as_mut().unwrap().metadata.creation_timestamp = Some(now() - minutes(10));
    assert!(!begins(&scene));
    scene.certificate = scene.updated();
    assert!(condition(&scene.certificate.status.conditions, "Ordered").is_some());
    // Now the request may be deleted.
    scene.request = None;
    assert!(!begins(&scene));
    let mut scene = Scene::new();
    scene.secret = None;
    scene.request.as_mut().unwrap().metadata.creation_timestamp = Some(now() - minutes(10));
    scene.certificate.spec.dns_names = vec!["corrected.example".to_owned()];
    assert!(begins(&scene));
}

#[test]
fn a_time_in_the_future_holds_for_an_hour_only() {
    let mut scene = Scene::new();
    scene.secret = None;
    ordered(&mut scene.certificate, -60 * 24 * 365);
    assert!(!begins(&scene));
    scene.certificate = scene.updated();
    let ordered = condition(&scene.certificate.status.conditions, "Ordered").unwrap();
    assert_eq!(ordered.last_transition_time, Some(now()), "the clock was set back");
    assert!(held(&scene.certificate).unwrap().contains("waits until 2026-11-23T13:00:00Z"));
}

/// The hours at which a certificate that is always due is ordered, over a span of hours.
fn orders(hours: i64) -> Vec<i64> {
    let mut scene = Scene::new();
    scene.secret = None;
    scene.request = None;
    scene.certificate.status = Default::default();
    let mut at = Vec::new();
    let begun = now();
    let mut time = begun;
    while time < begun + SignedDuration::from_hours(hours) {
        let plan = planner::plan(&scene.view(), &scene.settings, time);
        if let Some(changed) = certificates(&plan).pop() {
            scene.certificate = changed;
        }
        let conditions = &mut scene.certificate.status.conditions;
        if condition(conditions, "Issuing").is_some() {
            at.push(time.duration_since(begun).as_hours());
            conditions.retain(|c| c.kind != "Issuing");
        }
        time += minutes(10);
    }
    at
}

#[test]
fn the_pause_grows() {
    assert_eq!(orders(130), [0, 1, 2, 4, 8, 16, 32, 64, 96, 128]);
}

#[test]
fn the_pause_is_short_again_once_there_was_one_that_nobody_needed() {
    let mut scene = Scene::new();
    let good = scene.secret.take();
    ordered(&mut scene.certificate, 10);
    scene.certificate = scene.updated();
    let since = |c: &Certificate| condition(&c.status.conditions, "OrderHeld").and_then(|c| c.last_transition_time);
    // The series continues for as long as an order would wait.
    scene.secret = good;
    scene.certificate = scene.updated();
    assert_eq!(since(&scene.certificate), Some(now() - minutes(10)));
    assert_eq!(held(&scene.certificate), None, "nothing waits");
    ordered(&mut scene.certificate, 61);
    assert_eq!(since(&scene.updated()), None);
}

/// Installs a certificate of one hour that was made `ago` minutes before now.
fn of_an_hour(scene: &mut Scene, ago: i64) {
    let key = PrivateKey::generate(&ecdsa()).unwrap();
    let mut params = rcgen::CertificateParams::new(scene.certificate.spec.dns_names.clone()).unwrap();
    let seconds = |at: Timestamp| std::time::Duration::from_secs(u64::try_from(at.as_second()).unwrap());
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + seconds(now() - minutes(ago));
    params.not_after = params.not_before + std::time::Duration::from_secs(3600);
    let chain = params.self_signed(key.pair()).unwrap().pem();
    let old = secret(&scene.certificate, &key, now());
    let mut data = old.data.clone();
    data.insert("tls.crt".to_owned(), chain.into_bytes());
    scene.secret = Some(Secret::new(old.metadata, old.kind, data));
    scene.request = Some(request(&scene.certificate, &key, 1));
}

#[test]
fn certificates_of_an_hour_are_renewed_before_they_end() {
    let mut scene = Scene::new();
    of_an_hour(&mut scene, 45);
    ordered(&mut scene.certificate, 10);
    assert!(!begins(&scene));
    ordered(&mut scene.certificate, 45);
    assert!(begins(&scene));
    // However long the pause has become.
    let (kind, since) = ("OrderHeld", now() - SignedDuration::from_hours(20));
    let conditions = &mut scene.certificate.status.conditions;
    set_condition(conditions, kind, ConditionStatus::True, "TooSoon", "", None, since);
    assert!(begins(&scene));
}
