//! Tests against a real ACME server: Pebble in strict mode, which rejects every other nonce.
//!
//! `PEBBLE` names its executable, `PEBBLE_CHALLENGES` that of `pebble-challtestsrv` (default: beside Pebble). Without
//! them the tests are skipped, with a message.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pebble/server.rs"]
mod server;
#[path = "pebble/world.rs"]
mod world;

use flow_acme::ca::{Account, Ca as _, NewOrder};
use flow_acme::client::Client;
use flow_acme::objects::{Certificate, ConditionStatus, State, condition, set_condition};
use flow_acme::planner::Write;
use flow_acme::store::Store as _;
use flow_acme::x509::{chain, csr};
use jiff::Timestamp;
use server::Pebble;
use std::sync::Arc;
use std::time::{Duration, Instant};
use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn issues_and_renews() {
    let Some(pebble) = Pebble::start("{}", &[]).await else { return };
    let world = World::start(&pebble, "a", &["a.example", "b.example", "c.example"], None).await;
    let first = world.issued(1).await;
    let leaf = first.leaf().unwrap();
    let mut names = leaf.dns_names.clone();
    names.sort();
    assert_eq!(names, ["a.example", "b.example", "c.example"]);
    assert_eq!(first.private_key().unwrap().public_key(), leaf.public_key);
    let chain = String::from_utf8(first.data["tls.crt"].clone()).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "leaf and intermediate");
    // The CA has a renewal window.
    world
        .until("renewal information", |certificate| {
            certificate
                .status
                .acme
                .as_ref()
                .is_some_and(|a| a.ari.as_ref().is_some_and(|a| a.suggested_window.is_some()))
        })
        .await;

    // A renewal by hand: the order says what it replaces.
    let mut changed = Certificate::clone(&world.certificate());
    let (status, now) = (ConditionStatus::True, Timestamp::now());
    set_condition(&mut changed.status.conditions, "Issuing", status, "ManuallyTriggered", "wanted", Some(1), now);
    world.store.write(&Write::Status(changed.into())).await.unwrap();
    let second = world.issued(2).await;
    assert_ne!(first.data, second.data);
    let orders = world.store.view().orders.clone();
    assert!(orders.values().any(|order| !order.spec.replaces.is_empty() && order.status.state == State::Valid));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proves_names_over_tls() {
    let Some(pebble) = Pebble::start("{}", &[]).await else { return };
    let world = World::start(&pebble, "t", &["tls.example"], Some("TLS-ALPN-01")).await;
    assert_eq!(world.issued(1).await.leaf().unwrap().dns_names, ["tls.example"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_refusals() {
    let Some(pebble) = Pebble::start("{}", &[]).await else { return };
    let world = World::start(&pebble, "ip", &["127.0.0.1"], None).await;
    assert_eq!(world.issued(1).await.leaf().unwrap().ip_addresses, ["127.0.0.1"]);
    world.stop().await;

    let world = World::start(&pebble, "b", &["blocked-domain.example"], None).await;
    world.until("the refusal", |certificate| certificate.status.failed_issuance_attempts == Some(1)).await;
    let issuing = condition(&world.certificate().status.conditions, "Issuing").cloned().unwrap();
    assert_eq!(issuing.reason, "Failed");
    assert!(issuing.message.contains("400 urn:ietf:params:acme:error:rejectedIdentifier"), "{}", issuing.message);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_hosts_and_one_without_dns() {
    let Some(pebble) = Pebble::start("{}", &[]).await else { return };
    pebble.fail_dns("dead.example").await;
    let mut hosts: Vec<String> = (0..60).map(|n| format!("host-{n}.example")).collect();
    hosts.insert(0, "dead.example".to_owned());
    let begun = Instant::now();
    let world = World::of_hosts(&pebble, &hosts).await;
    let mut changes = world.store.changes();
    let issued = |world: &World| {
        let view = world.store.view();
        view.certificates.values().filter(|certificate| certificate.status.revision == Some(1)).count()
    };
    let all = async {
        while issued(&world) < 60 {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all).await.unwrap();
    let took = begun.elapsed();
    println!("60 certificates in {took:.1?}: {:.1} orders a second", 60.0 / took.as_secs_f64());
    let view = world.store.view();
    assert_eq!(view.orders.len(), 61, "no host was ordered twice");
    world.until("the failure", |dead| dead.status.failed_issuance_attempts == Some(1)).await;
    let issuing = condition(&world.certificate().status.conditions, "Issuing").cloned().unwrap();
    assert!(issuing.message.contains("could not resolve"), "{}", issuing.message);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_need_the_right_binding() {
    let more = r#"{"externalAccountBindingRequired": true,
        "externalAccountMACKeys": {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}}"#;
    let Some(pebble) = Pebble::start(more, &[]).await else { return };
    let client = Client::new("test");
    let directory = pebble.directory();
    let mut registration = world::registration();
    let refused = client.register(&directory, &registration).await.unwrap_err();
    assert!(refused.is("externalAccountRequired"), "{refused}");
    registration.binding = Some(world::binding("kid-1", b"not the key at all"));
    assert!(client.register(&directory, &registration).await.unwrap_err().is_final());
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    registration.binding = Some(world::binding("kid-1", &world::base64url(key)));
    let url = client.register(&directory, &registration).await.unwrap();
    // The same key has the same account, and its contact can be changed.
    assert_eq!(client.register(&directory, &registration).await.unwrap(), url);
    registration.known_url = Some(url.clone());
    registration.email = "other@example.com".to_owned();
    assert_eq!(client.register(&directory, &registration).await.unwrap(), url);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preferred_chain_is_taken() {
    let Some(pebble) = Pebble::start("{}", &[("PEBBLE_ALTERNATE_ROOTS", "2"), ("PEBBLE_VA_ALWAYS_VALID", "1")]).await
    else {
        return;
    };
    let client = Client::new("test");
    let registration = world::registration();
    let directory = Arc::new(pebble.directory());
    let url = client.register(&directory, &registration).await.unwrap();
    let account = Account { directory, url, key: Arc::clone(&registration.key) };
    let new = NewOrder { dns_names: vec!["a.example".to_owned()], ..NewOrder::default() };
    let order = client.new_order(&account, &new).await.unwrap();
    let authorization = client.authorization(&account, &order.authorizations[0]).await.unwrap();
    let challenge = authorization.challenges.iter().find(|challenge| challenge.kind == "http-01").unwrap();
    client.accept(&account, &challenge.url).await.unwrap();
    world::wait_for_state(&client, &account, &order.url, State::Ready).await;
    let key = world::key();
    let request = csr::Csr::from_base64(&csr::for_names(&new.dns_names, &key).unwrap()).unwrap();
    client.finalize(&account, &order.url, &request.der).await.unwrap();
    world::wait_for_state(&client, &account, &order.url, State::Valid).await;

    let default = client.certificate(&account, &order.url, "").await.unwrap();
    let usual = chain::top_issuer(&default).unwrap();
    for number in 0..3 {
        let wanted = pebble.root(number).await;
        let chain = client.certificate(&account, &order.url, &wanted).await.unwrap();
        assert_eq!(chain::top_issuer(&chain).unwrap(), wanted);
    }
    let chain = client.certificate(&account, &order.url, "no such root").await.unwrap();
    assert_eq!(chain::top_issuer(&chain).unwrap(), usual);
}
