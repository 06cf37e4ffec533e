use super::scene::{Scene, certificate, now};
use crate::names::{ALLOWED_DOMAINS, MAX_CERTIFICATES};
use crate::objects::{Key, Meta, condition};
use crate::planner::action::{Object, Plan, Write};
use crate::planner::{Planner, plan};
use crate::view::NamespaceFacts;
use std::sync::Arc;

/// A Certificate whose request waits for an order.
fn asking() -> Scene {
    super::request::scene(&["host.a.example".to_owned()], "")
}

fn limited(annotations: &[(&str, &str)]) -> Arc<NamespaceFacts> {
    let mut metadata = Meta::named(Key::new("", "web"));
    let annotations = annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    metadata.annotations.extend(annotations);
    Arc::new(NamespaceFacts { metadata })
}

fn orders(plan: &Plan) -> usize {
    let writes = plan.steps.iter().flat_map(|step| &step.writes);
    writes.filter(|write| matches!(write, Write::Create(Object::Order(_)))).count()
}

fn told(plan: &Plan) -> String {
    let writes = plan.steps.iter().flat_map(|step| &step.writes);
    let status = writes.filter_map(|write| match write {
        Write::Status(Object::CertificateRequest(request)) => condition(&request.status.conditions, "Ready").cloned(),
        _ => None,
    });
    status.map(|ready| format!("{}: {}", ready.reason, ready.message)).collect()
}

#[test]
fn a_namespace_without_limits_has_none() {
    assert_eq!(orders(&asking().plan()), 1);
}

#[test]
fn limits_hold_an_order_and_say_why() {
    for (annotation, value, words) in [
        (ALLOWED_DOMAINS, "b.example", Some("Pending: namespace web may have no certificate for host.a.example")),
        (ALLOWED_DOMAINS, "a.example", None),
        (MAX_CERTIFICATES, "0", Some("Pending: namespace web has its 0 certificates already")),
        (
            MAX_CERTIFICATES,
            "many",
            Some("Pending: annotation flow-proxy.ominis.ai/max-certificates of namespace web must"),
        ),
        (MAX_CERTIFICATES, "1", None),
    ] {
        let mut scene = asking();
        scene.more.namespaces.insert(Key::new("", "web"), limited(&[(annotation, value)]));
        let plan = scene.plan();
        assert_eq!(orders(&plan), usize::from(words.is_none()), "{annotation}={value}");
        if let Some(words) = words {
            assert!(told(&plan).starts_with(words), "{}", told(&plan));
        }
    }
}

#[test]
fn what_has_a_certificate_and_what_is_older_comes_first() {
    let mut scene = asking();
    scene.certificate.metadata.creation_timestamp = Some(now());
    scene.certificate.status.revision = None;
    scene.more.namespaces.insert(Key::new("", "web"), limited(&[(MAX_CERTIFICATES, "1")]));
    let mut other = certificate("other", &["other.a.example"]);
    other.metadata.creation_timestamp = Some("2027-01-01T00:00:00Z".parse().unwrap());
    scene.more.certificates.insert(other.key(), Arc::new(other.clone()));
    assert_eq!(orders(&scene.plan()), 1, "a younger one comes after");
    other.status.revision = Some(1);
    scene.more.certificates.insert(other.key(), Arc::new(other.clone()));
    assert_eq!(orders(&scene.plan()), 0, "it has its certificate");

    // Planned by what changed: the place of the other becomes free, and the limit grows.
    let (mut view, settings) = (scene.view(), scene.settings.clone());
    for change in ["deleted", "raised"] {
        let mut planner = Planner::new(Arc::new(settings.clone()));
        planner.advance(&Arc::new(view.clone()), Vec::new(), now());
        assert_eq!(orders(&planner.whole()), 0);
        let mut next = view.clone();
        if change == "deleted" {
            next.certificates.remove(&other.key());
        } else {
            next.namespaces.insert(Key::new("", "web"), limited(&[(MAX_CERTIFICATES, "2")]));
        }
        planner.advance(&Arc::new(next.clone()), Vec::new(), now());
        assert_eq!(orders(&planner.whole()), 1, "{change}");
        assert_eq!(orders(&plan(&next, &settings, now())), 1);
    }
    view.namespaces = Default::default();
    assert_eq!(orders(&plan(&view, &settings, now())), 1);
}
