use super::ca::{rate_limited, rejected};
use super::crash::Fuse;
use super::world::{World, all_issued, certificate, ordered_before, simulated};
use crate::ca::{CaError, RenewalInfo};
use crate::objects::{Certificate, ConditionStatus, Key, State, Window, condition, set_condition};
use crate::planner::{Kind, Write, troubles};
use crate::store::Replicas;
use crate::view::View;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn what_the_ca_rejects_is_not_asked_again_soon() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    *world.ca.refuse.lock() = Box::new(|word| (word == "new_order").then(rejected));
    let replica = world.start(Fuse::default());
    world
        .until("the failure", |view| view.certificates.values().all(|c| c.status.failed_issuance_attempts == Some(1)))
        .await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let issuing = world.condition("a", "Issuing").unwrap();
    assert_eq!((issuing.status, issuing.reason.as_str()), (ConditionStatus::False, "Failed"));
    let order = world.view().orders.keys().next().unwrap().name.clone();
    assert_eq!(
        issuing.message,
        format!(
            "The certificate request has failed to complete and will be retried: Failed to wait for order resource \
             \"{order}\" to become ready: order is in \"errored\" state: Failed to create Order: 400 \
             urn:ietf:params:acme:error:rejectedIdentifier: policy forbids issuing for this name"
        )
    );
    // One registration and one refused order: nothing else in five minutes.
    assert_eq!(world.ca.seen.lock().calls, 2);
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn limits_are_waited_out_and_lose_nothing() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    let begun = tokio::time::Instant::now();
    *world.ca.refuse.lock() =
        Box::new(move |word| (word == "new_order" && begun.elapsed() < Duration::from_secs(100)).then(rate_limited));
    let replica = world.start(Fuse::default());
    world
        .until("the reason", |view| {
            view.requests.values().any(|request| {
                condition(&request.status.conditions, "Ready").is_some_and(|c| {
                    c.reason == "Pending"
                        && c.message.contains("rateLimited: too many new orders recently; next try at ")
                })
            })
        })
        .await;
    // The account's limit is told, and lifted.
    let told = |view: &View| {
        let found = troubles(view, &world.settings).into_iter().filter(|trouble| trouble.kind == Kind::Issuer);
        found.map(|trouble| trouble.message).next().unwrap_or_default()
    };
    assert!(told(&world.view()).contains("takes no more orders of this account for now"), "{}", told(&world.view()));
    world.until("the certificate", all_issued).await;
    assert!(begun.elapsed() >= Duration::from_secs(120), "Retry-After is kept");
    world.until("the end of the limit", |view| told(view).is_empty()).await;
    let view = world.view();
    assert_eq!(view.certificates.values().next().unwrap().status.failed_issuance_attempts, None);
    assert!(world.ca.seen.lock().calls < 15);
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_ca_out_of_reach_is_tried_ever_more_slowly() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    *world.ca.refuse.lock() =
        Box::new(|_| Some(CaError::Unreachable("GET https://ca.example/dir: refused".to_owned())));
    let replica = world.start(Fuse::default());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let calls = world.ca.seen.lock().calls;
    assert!((8..25).contains(&calls), "{calls} calls in an hour");
    let view = world.view();
    let issuer = view.issuers.values().next().unwrap();
    let ready = condition(&issuer.status.conditions, "Ready").unwrap();
    assert_eq!(ready.reason, "ErrRegisterACMEAccount");
    assert_eq!(ready.message, "Failed to register ACME account: GET https://ca.example/dir: refused");
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_ca_is_not_asked_before_a_replica_is_ready() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    *world.cluster.replicas.lock() = Replicas::All(Vec::new());
    let replica = world.start(Fuse::default());
    world
        .until("the reason", |view| view.challenges.values().any(|c| c.status.reason.contains("no replica is ready")))
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.ca.seen.lock().accepted, 0);
    *world.cluster.replicas.lock() = Replicas::Alone;
    world.until("the certificate", all_issued).await;
    assert_eq!(world.ca.seen.lock().accepted, 1);
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_key_never_reaches_the_secret() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    *world.ca.wrong_key.lock() = true;
    let replica = world.start(Fuse::default());
    world
        .until("the failure", |view| view.certificates.values().all(|c| c.status.failed_issuance_attempts == Some(1)))
        .await;
    assert_eq!(world.condition("a", "Issuing").unwrap().reason, "InvalidCertificate");
    assert!(!world.view().secrets.contains_key(&Key::new("web", "a")));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.ca.seen.lock().issued, 1, "no second order within the back-off");
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_hosts_and_one_that_fails() {
    let names: Vec<String> = (0..200).map(|n| format!("host-{n}")).collect();
    let certificates: Vec<Certificate> =
        names.iter().map(|name| certificate(name, &[&format!("{name}.example")])).collect();
    let world = World::new(&certificates);
    world.apply(&Write::Create(certificate("dead", &["*.dead.example"]).into()));
    let replica = world.start(Fuse::default());
    world
        .until("all but one", |view| view.certificates.values().filter(|c| c.status.revision == Some(1)).count() == 200)
        .await;
    replica.stop().await;
    let seen = world.ca.seen.lock();
    assert_eq!((seen.issued, seen.orders.len()), (200, 200), "no host twice");
    let failed = world.condition("dead", "Issuing").unwrap();
    assert!(failed.message.contains("*.dead.example needs a DNS-01 solver; flow-proxy solves HTTP-01 only"));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_now_renews_at_once() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    let replica = world.start(Fuse::default());
    world.until("the certificate", all_issued).await;
    replica.stop().await;
    let old = world.view().secrets[&Key::new("web", "a")].data.clone();

    let now = Timestamp::now();
    let hours = SignedDuration::from_hours(1);
    let window = Window { start: now - hours * 2, end: now - hours };
    *world.ca.window.lock() = Some(RenewalInfo { window, explanation: String::new(), retry_after: None });
    let mut changed = Certificate::clone(&world.view().certificates[&Key::new("web", "a")]);
    changed.status.acme = None;
    ordered_before(&mut changed, 2);
    world.apply(&Write::Status(changed.into()));
    let replica = world.start(Fuse::default());
    world.until("the renewal", |view| view.certificates.values().all(|c| c.status.revision == Some(2))).await;
    world.until("one request", |view| view.requests.len() == 1).await;
    replica.stop().await;

    let view = world.view();
    assert_ne!(view.secrets[&Key::new("web", "a")].data, old);
    let seen = world.ca.seen.lock();
    assert!(seen.orders[1].replaces.contains('.'), "the order says what it replaces");
    assert_eq!(seen.orders[1].names, ["a.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_always_past_is_followed_ever_more_slowly() {
    let mut world = World::new(&[certificate("a", &["a.example"])]);
    world.clock = simulated;
    // After the certificate's start, which this CA sets to the beginning of the year, and before today.
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let window = Window { start: at("2026-01-02T00:00:00Z"), end: at("2026-01-03T00:00:00Z") };
    *world.ca.window.lock() = Some(RenewalInfo { window, explanation: String::new(), retry_after: None });
    let hours = |n: u64| Duration::from_secs(n * 3600 + 900);
    let mut placed = Vec::new();
    let mut slept = Duration::ZERO;
    // Each round has a new leader, which knows only the objects.
    for until in [0, 1, 2, 3, 7, 15] {
        let replica = world.start(Fuse::default());
        tokio::time::sleep(hours(until).saturating_sub(slept)).await;
        slept = hours(until);
        replica.stop().await;
        placed.push(world.ca.seen.lock().orders.len());
    }
    assert_eq!(placed, [1, 2, 3, 3, 4, 5], "at 0, 1, 2, 4 and 8 hours");
    let told = world.condition("a", "OrderHeld").unwrap();
    assert_eq!((told.status, told.reason.as_str()), (ConditionStatus::True, "TooSoon"));
    assert_eq!(world.condition("a", "Ready").unwrap().status, ConditionStatus::True);
}

#[tokio::test(start_paused = true)]
async fn anybody_may_ask_for_a_new_one() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    let replica = world.start(Fuse::default());
    world.until("the certificate", all_issued).await;
    replica.stop().await;
    let mut changed = Certificate::clone(&world.view().certificates[&Key::new("web", "a")]);
    let conditions = &mut changed.status.conditions;
    let (kind, status, reason) = ("Issuing", ConditionStatus::True, "ManuallyTriggered");
    set_condition(
        conditions,
        kind,
        status,
        reason,
        "Certificate re-issuance manually triggered",
        Some(1),
        Timestamp::now(),
    );
    world.apply(&Write::Status(changed.into()));
    let replica = world.start(Fuse::default());
    world.until("the second", |view| view.certificates.values().all(|c| c.status.revision == Some(2))).await;
    world.until("quiet", all_issued).await;
    assert_eq!(world.ca.seen.lock().issued, 2);
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_fails_says_why() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    let replica = world.start(Fuse::default());
    // The CA reads another table than the one that is filled.
    *world.ca.table.lock() = crate::http01::ChallengeTable::new();
    world
        .until("the failure", |view| view.certificates.values().all(|c| c.status.failed_issuance_attempts == Some(1)))
        .await;
    let view = world.view();
    let order = view.orders.values().next().unwrap();
    assert_eq!(order.status.state, State::Invalid);
    assert_eq!(
        order.status.reason,
        "Error accepting authorization: acme: authorization error for a.example: 403 \
         urn:ietf:params:acme:error:unauthorized: no such token"
    );
    assert_eq!(world.ca.seen.lock().accepted, 1);
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cert_manager_left_is_taken_over_without_an_order() {
    let world = World::new(&[certificate("a", &["a.example"])]);
    let replica = world.start(Fuse::default());
    world.until("the certificate", all_issued).await;
    replica.stop().await;
    // The same objects, with their status, and a CA that was never asked.
    let left = world.view();
    let next = World::new(&[]);
    {
        let mut memory = next.cluster.memory.lock();
        memory.view = left;
    }
    let replica = next.start(Fuse::default());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(next.ca.seen.lock().orders.is_empty());
    // A Secret without annotations is taken over too, if its names fit.
    assert!(all_issued(&next.view()));
    replica.stop().await;
}
