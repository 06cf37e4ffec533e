use super::scene::events;
use crate::objects::{Certificate, IssuerRef, Key, Meta};
use crate::planner::action::{Kind, Object, Plan, Write};
use crate::planner::plan;
use crate::view::{IngressFacts, IngressTls, Settings, View};
use jiff::Timestamp;
use std::sync::Arc;

fn tls(secret: &str, hosts: &[&str]) -> IngressTls {
    IngressTls { hosts: hosts.iter().map(|host| (*host).to_owned()).collect(), secret_name: secret.to_owned() }
}

fn ingress(annotations: &[(&str, &str)], tls: Vec<IngressTls>) -> IngressFacts {
    let mut metadata = Meta::named(Key::new("web", "site"));
    metadata.uid = "ingress-uid".to_owned();
    metadata.labels.insert("app".to_owned(), "site".to_owned());
    metadata.labels.insert("applyset.kubernetes.io/part-of".to_owned(), "x".to_owned());
    let pairs = annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    metadata.annotations = pairs.collect();
    IngressFacts { metadata, tls }
}

fn view(ingress: IngressFacts) -> View {
    let mut view = View::default();
    view.ingresses.insert(ingress.metadata.key(), Arc::new(ingress));
    view
}

fn look(view: &View) -> Plan {
    plan(view, &Settings::default(), Timestamp::UNIX_EPOCH)
}

fn created(plan: &Plan) -> Vec<Certificate> {
    let writes = plan.steps.iter().flat_map(|step| &step.writes);
    let created = writes.filter_map(|write| match write {
        Write::Create(Object::Certificate(certificate)) => Some(Certificate::clone(certificate)),
        _ => None,
    });
    created.collect()
}

const CLUSTER: (&str, &str) = ("cert-manager.io/cluster-issuer", "letsencrypt-prod");

#[test]
fn a_block_of_tls_is_a_certificate() {
    let plan =
        look(&view(ingress(&[CLUSTER], vec![tls("a-tls", &["a.example", "192.0.2.1"]), tls("b-tls", &["b.example"])])));
    let found = created(&plan);
    assert_eq!(found.len(), 2);
    let first = &found[0];
    assert_eq!((first.metadata.name.as_str(), first.spec.secret_name.as_str()), ("a-tls", "a-tls"));
    assert_eq!(first.spec.dns_names, ["a.example"]);
    assert_eq!(first.spec.ip_addresses, ["192.0.2.1"]);
    assert_eq!(first.spec.usages, ["digital signature", "key encipherment"]);
    assert_eq!(
        (first.spec.issuer_ref.kind(), first.spec.issuer_ref.name.as_str()),
        ("ClusterIssuer", "letsencrypt-prod")
    );
    let labels: Vec<_> = first.metadata.labels.keys().map(String::as_str).collect();
    assert_eq!(labels, ["app"]);
    let owner = first.metadata.controller().unwrap();
    assert_eq!((owner.kind.as_str(), owner.api_version.as_str()), ("Ingress", "networking.k8s.io/v1"));
    let told: Vec<_> = events(&plan).iter().map(|event| (event.reason, event.message.clone())).collect();
    assert!(told.contains(&("CreateCertificate", "Successfully created Certificate \"a-tls\"".to_owned())));
}

#[test]
fn annotations_shape_the_certificate() {
    let annotations = [
        CLUSTER,
        ("cert-manager.io/common-name", "a.example"),
        ("cert-manager.io/duration", "2160h"),
        ("cert-manager.io/renew-before", "360h"),
        ("cert-manager.io/private-key-algorithm", "ECDSA"),
        ("cert-manager.io/private-key-size", "384"),
        ("cert-manager.io/private-key-rotation-policy", "Never"),
        ("cert-manager.io/usages", "server auth,client auth"),
        ("cert-manager.io/subject-organizations", "\"Example, Inc\",Other"),
        ("cert-manager.io/revision-history-limit", "3"),
        ("cert-manager.io/secret-template", r#"{"labels": {"a": "b"}}"#),
        ("acme.cert-manager.io/http01-edit-in-place", "true"),
    ];
    let found = created(&look(&view(ingress(&annotations, vec![tls("a", &["a.example"])])))).pop().unwrap();
    assert_eq!(found.spec.common_name, "a.example");
    assert_eq!(found.spec.duration.unwrap().0.as_secs(), 2160 * 3600);
    assert_eq!(found.spec.renew_before.unwrap().0.as_secs(), 360 * 3600);
    assert_eq!(found.spec.private_key.unwrap().size, Some(384));
    assert_eq!(found.spec.usages, ["server auth", "client auth"]);
    assert_eq!(found.spec.subject.unwrap().organizations, ["Example, Inc", "Other"]);
    assert_eq!(found.spec.revision_history_limit, Some(3));
    assert_eq!(found.spec.secret_template.unwrap().labels["a"], "b");
    let annotations: Vec<_> = found.metadata.annotations.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        annotations,
        [
            ("acme.cert-manager.io/http01-override-ingress-name", "site"),
            ("cert-manager.io/issue-temporary-certificate", "true")
        ]
    );
}

#[test]
fn bad_configuration_is_told_and_makes_nothing() {
    let one = || vec![tls("a", &["a.example"])];
    type Case = (&'static [(&'static str, &'static str)], Vec<IngressTls>, &'static str);
    let cases: [Case; 8] = [
        (
            &[CLUSTER, ("cert-manager.io/issuer", "x")],
            one(),
            "both cert-manager.io/cluster-issuer and cert-manager.io/issuer are set",
        ),
        (
            &[CLUSTER, ("cert-manager.io/issuer-kind", "x")],
            one(),
            "both cert-manager.io/cluster-issuer and cert-manager.io/issuer-kind are set",
        ),
        (&[("kubernetes.io/tls-acme", "true")], one(), "none is set"),
        (
            &[CLUSTER],
            vec![tls("a", &["a.example"]), tls("a", &["b.example"])],
            "Secret name \"a\" is used in several blocks",
        ),
        (&[CLUSTER], vec![tls("a", &[])], "Skipped a TLS block: spec.tls[0].hosts: Required value"),
        (&[CLUSTER], vec![tls("", &["a.example"])], "Skipped a TLS block: spec.tls[0].secretName: Required value"),
        (
            &[CLUSTER, ("cert-manager.io/duration", "soon")],
            one(),
            "invalid value of annotation cert-manager.io/duration: \"soon\"",
        ),
        (
            &[CLUSTER, ("cert-manager.io/secret-template", "{\"x\": 1}")],
            one(),
            "error parsing secret template JSON: unknown field `x`",
        ),
    ];
    for (annotations, tls, wanted) in cases {
        let plan = look(&view(ingress(annotations, tls)));
        assert!(created(&plan).is_empty(), "{wanted}");
        let told = events(&plan);
        assert!(told.iter().any(|event| event.reason == "BadConfig" && event.message.contains(wanted)), "{told:?}");
    }
    assert!(look(&view(ingress(&[], one()))).steps.is_empty(), "who asks for nothing gets nothing");
}

#[test]
fn the_default_issuer_is_for_those_who_name_none() {
    let issuer = IssuerRef { name: "le".to_owned(), kind: "ClusterIssuer".to_owned(), group: String::new() };
    let settings = Settings { default_issuer: Some(issuer.clone()), ..Settings::default() };
    let view = view(ingress(&[("kubernetes.io/tls-acme", "true")], vec![tls("a", &["a.example"])]));
    let found = created(&plan(&view, &settings, Timestamp::UNIX_EPOCH)).pop().unwrap();
    assert_eq!(found.spec.issuer_ref, issuer);
}

#[test]
fn what_an_ingress_owns_follows_it_and_nothing_else_does() {
    let asked = ingress(&[CLUSTER], vec![tls("a", &["a.example"]), tls("b", &["b.example"])]);
    let mut view = view(asked.clone());
    for mut certificate in created(&look(&view)) {
        certificate.metadata.uid = format!("{}-uid", certificate.metadata.name);
        view.certificates.insert(certificate.key(), Arc::new(certificate));
    }
    let quiet = look(&view);
    assert!(quiet.steps.iter().all(|step| step.writes.iter().all(|write| matches!(write, Write::Status(_)))));

    // One more host, one block less, and a Certificate of another owner with a name that is now asked for.
    let mut foreign = Certificate::clone(&view.certificates[&Key::new("web", "a")]);
    foreign.metadata.name = "c".to_owned();
    foreign.metadata.owner_references.clear();
    view.certificates.insert(foreign.key(), Arc::new(foreign));
    let changed = ingress(&[CLUSTER], vec![tls("a", &["a.example", "more.example"]), tls("c", &["c.example"])]);
    view.ingresses.insert(changed.metadata.key(), Arc::new(changed));
    let plan = look(&view);
    let told: Vec<_> =
        events(&plan).iter().filter(|event| event.kind == Kind::Ingress).map(|event| event.message.clone()).collect();
    let crowded = "Secret \"c\" is filled by Certificate \"c\", which is not for c.example: give this Ingress a secretName of \
                   its own, or name the host there";
    let rest = ["Successfully deleted unrequired Certificate \"b\"", "Successfully updated Certificate \"a\"", crowded];
    assert_eq!(told, rest);
}

fn second(name: &str, secret: &str, hosts: &[&str]) -> IngressFacts {
    let mut second = ingress(&[CLUSTER], vec![tls(secret, hosts)]);
    second.metadata.name = name.to_owned();
    second.metadata.uid = format!("{name}-uid");
    second
}

fn crowded(view: &View) -> Vec<(String, String)> {
    let plan = look(view);
    let told = events(&plan).into_iter().filter(|event| event.kind == Kind::Ingress && event.reason == "BadConfig");
    let told: Vec<_> = told.map(|event| (event.key.name.clone(), event.message.clone())).collect();
    let found = crate::planner::troubles(view, &Settings::default())
        .into_iter()
        .filter(|trouble| trouble.kind == Kind::Ingress);
    let found: Vec<_> = found.map(|trouble| (trouble.key.name, trouble.message)).collect();
    assert_eq!(told, found, "what is an event is a finding too");
    told
}

#[test]
fn of_two_ingresses_on_a_secret_the_younger_is_told() {
    let hour = |n: i64| Some(Timestamp::from_second(n * 3600).unwrap());
    let mut elder = second("zulu", "shared", &["zulu.example", "*.wild.example"]);
    elder.metadata.creation_timestamp = hour(1);
    let mut view = view(elder.clone());
    let mut younger = second("alpha", "shared", &["alpha.example", "zulu.example", "a.wild.example"]);
    younger.metadata.creation_timestamp = hour(2);
    view.ingresses.insert(younger.metadata.key(), Arc::new(younger));
    // The first by age, not by name.
    let mut made = created(&look(&view));
    assert_eq!(made.len(), 1);
    let made = made.pop().unwrap();
    assert!(made.metadata.controlled_by("Ingress", &elder.metadata));
    view.certificates.insert(made.key(), Arc::new(made));
    let words = "Secret \"shared\" is filled by Certificate \"shared\" of Ingress \"zulu\", which is not for alpha.example: \
                 give this Ingress a secretName of its own, or name the host there";
    assert_eq!(crowded(&view), [("alpha".to_owned(), words.to_owned())]);
    // The same hosts may share a certificate.
    let same = second("alpha", "shared", &["ZULU.example", "b.wild.example"]);
    view.ingresses.insert(same.metadata.key(), Arc::new(same));
    assert!(crowded(&view).is_empty());
    // When the oldest and its Certificate are gone, the other gets its own.
    view.ingresses.remove(&elder.metadata.key());
    view.certificates.clear();
    assert_eq!(created(&look(&view)).len(), 1);
}

#[test]
fn an_ingress_and_a_certificate_on_one_secret() {
    let mut view = view(second("site", "shared", &["site.example"]));
    let mut own = super::scene::certificate("own", &["own.example"]);
    own.spec.secret_name = "shared".to_owned();
    view.certificates.insert(own.key(), Arc::new(own.clone()));
    let words = "Secret \"shared\" is filled by Certificate \"own\", which is not for site.example";
    assert!(crowded(&view)[0].1.starts_with(words));
    own.spec.dns_names = vec!["own.example".to_owned(), "site.example".to_owned()];
    view.certificates.insert(own.key(), Arc::new(own));
    assert!(crowded(&view).is_empty());
}
