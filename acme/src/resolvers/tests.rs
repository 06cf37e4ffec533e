#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::account::{AccountKey, account_key};
use crate::objects::{Encoding, condition};
use crate::planner::Call;
use crate::planner::plan;
use crate::store::Store as _;
use crate::store::folder::FolderStore;
use crate::x509::key::PrivateKey;
use crate::x509::temporary;
use jiff::Timestamp;
use rustls_pki_types::PrivatePkcs1KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;

fn wanted(resolver: &str, main: &str, sans: &[&str]) -> Wanted {
    let sans = sans.iter().map(|name| (*name).to_owned()).collect();
    Wanted { resolver: resolver.to_owned(), main: main.to_owned(), sans }
}

#[test]
fn sets_of_names_become_certificates() {
    let resolvers = [Resolver::new("le", Method::Http01), Resolver::new("tls", Method::TlsAlpn01)];
    let declared = declare(
        &Place::folder(),
        &resolvers,
        &[
            wanted("le", "A.example", &["b.example", "a.example"]),
            // The same set, a part of it, another resolver's, an unknown resolver's, an empty one.
            wanted("le", "b.example", &["a.example"]),
            wanted("le", "a.example", &[]),
            wanted("tls", "a.example", &[]),
            wanted("other", "c.example", &[]),
            wanted("le", "", &[]),
        ],
    );
    let names: Vec<_> =
        declared.certificates.iter().map(|c| (c.spec.issuer_ref.name.as_str(), c.spec.dns_names.clone())).collect();
    let both = vec!["a.example".to_owned(), "b.example".to_owned()];
    assert_eq!(names, [("le", both), ("tls", vec!["a.example".to_owned()])]);
    assert_eq!(declared.certificates[0].spec.common_name, "a.example");
    assert_eq!(declared.issuers.len(), 2);
    assert_eq!(declared.issuers[0].metadata.annotation(CHALLENGE_TYPE), None);
    assert_eq!(declared.issuers[1].metadata.annotation(CHALLENGE_TYPE), Some("TLS-ALPN-01"));
}

#[test]
fn key_types_are_traefiks() {
    let kind = |of: KeyType| PrivateKey::generate(&of.spec()).map(|key| key.kind());
    for (of, bits) in [(KeyType::Ec256, 256), (KeyType::Ec384, 384)] {
        assert_eq!(kind(of).unwrap(), (Some(Algorithm::ECDSA), bits));
    }
    assert_eq!(KeyType::default(), KeyType::Rsa4096);
}

#[test]
fn options_without_a_field_are_annotations() {
    let mut resolver = Resolver::new("le", Method::Http01);
    let place = Place::folder();
    let of = |resolver: &Resolver| declare(&place, std::slice::from_ref(resolver), &[wanted("le", "a.example", &[])]);
    let plain = of(&resolver);
    assert!(plain.issuers[0].metadata.annotations.is_empty() && plain.certificates[0].metadata.annotations.is_empty());
    assert_eq!(plain.certificates[0].spec.renew_before, None);
    resolver.ca_server_name = "ca.inner".to_owned();
    resolver.ca_system_cert_pool = true;
    resolver.timeouts.exchange = Duration::from_secs(300);
    resolver.timeouts.head = Duration::from_secs(10);
    resolver.challenge_delay = Duration::from_secs(90);
    resolver.email_addresses = vec!["ops@a.example".to_owned()];
    let declared = of(&resolver);
    let annotations: Vec<_> =
        declared.issuers[0].metadata.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = [
        "ca-server-name=ca.inner",
        "ca-system-cert-pool=true",
        "challenge-delay=1m30s",
        "client-response-header-timeout=10s",
        "client-timeout=5m0s",
    ];
    assert_eq!(annotations, expected.map(|text| format!("flow-proxy.ominis.ai/{text}")));
    assert_eq!(declared.certificates[0].metadata.annotation(EMAIL_NAMES), Some("true"));
    for (days, before) in [(400, 120), (365, 120), (91, 30), (89, 10), (7, 2), (6, 2)] {
        resolver.certificates_duration = Duration::from_secs(days * DAY);
        assert_eq!(
            of(&resolver).certificates[0].spec.renew_before,
            Some(GoDuration::from_secs(before * DAY)),
            "{days}"
        );
    }
    for (hours, minutes) in [(143, 360), (24, 360), (23, 20)] {
        resolver.certificates_duration = Duration::from_secs(hours * 3600);
        assert_eq!(of(&resolver).certificates[0].spec.renew_before, Some(GoDuration::from_secs(minutes * 60)));
    }
}

fn stored(names: &[&str]) -> serde_json::Value {
    let key = PrivateKey::generate(&KeyType::Ec256.spec()).unwrap();
    let spec = CertificateSpec {
        dns_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..CertificateSpec::default()
    };
    let chain = temporary::temporary(&spec, &key, Timestamp::now()).unwrap();
    json!({
        "domain": {"main": names[0], "sans": names[1..]},
        "certificate": STANDARD.encode(chain), "key": STANDARD.encode(key.to_pem(Encoding::PKCS8)), "Store": "default"
    })
}

#[tokio::test]
async fn an_acme_json_is_taken_over_without_an_order() {
    let mut broken = stored(&["broken.example"]);
    broken["key"] = stored(&["x"])["key"].clone();
    let account = PrivateKey::generate(&PrivateKeySpec::default()).unwrap();
    let pem = account.to_pem(Encoding::PKCS1);
    let der = PrivatePkcs1KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let file = json!({"le": {
        "Account": {"Email": "a@example.com", "Registration": {"body": {}, "uri": "https://ca.example/acct/1"},
                    "PrivateKey": STANDARD.encode(der.secret_pkcs1_der()), "KeyType": "4096"},
        "Certificates": [stored(&["a.example", "b.example"]), broken]
    }, "empty": null});
    let imported = import(&Place::folder(), file.to_string().as_bytes()).unwrap();
    assert_eq!(imported.passed_over.len(), 1, "{:?}", imported.passed_over);
    assert!(imported.passed_over[0].starts_with("broken.example of le: the key does not belong"));

    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path(), settings(&Place::folder())).unwrap();
    assert_eq!(store.import(imported.secrets.clone()).unwrap(), 2);
    assert_eq!(store.import(imported.secrets).unwrap(), 0, "once is enough");
    let mut resolver = Resolver::new("le", Method::Http01);
    resolver.key_type = KeyType::Ec256;
    resolver.disable_common_name = true;
    store.declare(declare(&Place::folder(), &[resolver], &[wanted("le", "b.example", &["a.example"])])).unwrap();

    // The Certificate's name does not depend on the order of the names in the router.
    let view = store.view();
    let certificate = view.certificates.values().next().unwrap();
    assert!(view.secrets.contains_key(&certificate.key()));
    // The account's key cannot sign here: it stays, and a second one is made.
    let issuer = view.issuers.values().next().unwrap();
    let AccountKey::Missing { secret, copy: None, .. } = account_key(&view, &settings(&Place::folder()), issuer) else {
        panic!("the account's key should be of another kind");
    };
    assert_eq!(secret.name, "le-account-flow-proxy");
    let plan = plan(&view, &settings(&Place::folder()), Timestamp::now());
    assert!(plan.calls.iter().all(|call| matches!(call, Call::AccountKey { .. })), "{:?}", plan.calls);
    let ready = plan.steps.iter().flat_map(|step| &step.writes).find_map(|write| match write {
        crate::planner::Write::Status(crate::planner::Object::Certificate(c)) => {
            condition(&c.status.conditions, "Ready").cloned()
        }
        _ => None,
    });
    assert_eq!(ready.unwrap().reason, "Ready");
}

#[test]
fn every_broken_entry_is_told_and_the_rest_is_taken() {
    let good = stored(&["good.example"]);
    let broken = |change: fn(&mut serde_json::Value)| {
        let mut entry = stored(&["broken.example"]);
        change(&mut entry);
        entry
    };
    let bare = |mut entry: serde_json::Value| {
        entry.as_object_mut().unwrap().remove("domain");
        entry
    };
    let file = json!({
        "le": { "Account": null, "Certificates": [
            good,
            broken(|e| { e["certificate"] = json!(null); e["key"] = json!(null); }),
            broken(|e| { e.as_object_mut().unwrap().remove("key"); }),
            broken(|e| e["certificate"] = json!("")),
            broken(|e| e["key"] = json!("!!!")),
            broken(|e| e["certificate"] = json!("bm9uZQ==")),
            broken(|e| e["key"] = json!(7)),
            broken(|e| e["domain"] = json!("broken.example")),
            null,
            "text",
            bare(stored(&["bare.example"])),
        ] },
        "second": { "Account": { "PrivateKey": "!!!" }, "Certificates": null },
        "third": { "Certificates": {} },
        "fourth": 3,
        "fifth": null,
    });
    let imported = import(&Place::folder(), file.to_string().as_bytes()).unwrap();
    let names: Vec<_> = imported.secrets.iter().map(|secret| secret.leaf().unwrap().dns_names.clone()).collect();
    assert_eq!(names, [["good.example"], ["bare.example"]]);
    let told = imported.passed_over.join("\n");
    let lines = [
        "fourth: it has neither Account nor Certificates",
        "account of le: there is no private key: another one is registered",
        "broken.example of le: it has no certificate",
        "broken.example of le: it has no key",
        "broken.example of le: it has no certificate",
        "broken.example of le: key: Invalid symbol 33, offset 0.",
        "broken.example of le: error decoding certificate PEM block",
        "broken.example of le: invalid type: integer `7`, expected a string",
        "certificate 7 of le: invalid type: string \"broken.example\", expected struct StoredDomain",
        "certificate 8 of le: the entry is empty",
        "certificate 9 of le: invalid type: string \"text\", expected struct StoredCertificate",
        "account of second: Invalid symbol 33, offset 0.: another one is registered",
        "account of third: there is no private key: another one is registered",
        "Certificates of third: this is no list",
    ];
    assert_eq!(told, lines.join("\n"));
}

#[test]
fn other_files_are_refused() {
    for text in ["[]", "{\"le\": 3}", "{", "{\"a\": {\"b\": 1}, \"c\": null}"] {
        assert!(import(&Place::folder(), text.as_bytes()).is_err(), "{text}");
    }
    let old = json!({ "Account": {}, "Certificates": [] }).to_string();
    assert!(matches!(import(&Place::folder(), old.as_bytes()), Err(AcmeJsonError::Version1)));
    for text in ["", " \n", "{}", "{\"le\": null}"] {
        assert!(import(&Place::folder(), text.as_bytes()).unwrap().secrets.is_empty(), "{text}");
    }
}

#[test]
fn what_a_folder_holds_is_moved_under_the_names_of_a_cluster() {
    let (from, to) = (Place::folder(), Place::cluster("flow-system"));
    let declared =
        declare(&from, &[Resolver::new("LE", Method::Http01)], &[wanted("LE", "*.a.example", &["b.example"])]);
    let mut view = crate::view::View::default();
    view.issuers.insert(declared.issuers[0].key(), declared.issuers[0].clone().into());
    let certificate = declared.certificates[0].clone();
    let pair = [("tls.crt", "chain"), ("tls.key", "key")].map(|(name, value)| (name.to_owned(), value.into()));
    for (name, data) in [(certificate.spec.secret_name.as_str(), pair.clone().into()), ("LE-account", pair.into())] {
        let secret = Secret::new(Meta::named(Key::new(from.namespace(), name)), "Opaque", data);
        view.secrets.insert(secret.key(), secret.into());
    }
    view.certificates.insert(certificate.key(), certificate.into());
    let moved = moved(&view, &from, &to);
    let again = declare(&to, &[Resolver::new("LE", Method::Http01)], &[wanted("LE", "*.a.example", &["b.example"])]);
    let names: Vec<_> = moved.iter().map(|secret| secret.metadata.name.as_str()).collect();
    assert_eq!(names, [to.account_secret("LE").as_str(), again.certificates[0].spec.secret_name.as_str()]);
    assert!(moved.iter().all(|secret| secret.metadata.namespace == "flow-system" && secret.entry("tls.key").is_some()));
}
