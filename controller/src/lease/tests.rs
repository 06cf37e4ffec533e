#![allow(clippy::unwrap_used, reason = "tests")]

use super::term::{Candidate, Step};
use super::*;
use crate::mock_api::Cluster;
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/flow/leases/flow-proxy";

fn options(identity: &str) -> Options {
    Options {
        namespace: "flow".into(),
        name: "flow-proxy".into(),
        identity: identity.into(),
        timing: Timing::default(),
    }
}

fn lease(holder: &str, version: &str) -> Lease {
    serde_json::from_value(json!({
        "metadata": { "name": "flow-proxy", "resourceVersion": version },
        "spec": { "holderIdentity": holder, "leaseDurationSeconds": 20, "leaseTransitions": 3 },
    }))
    .unwrap()
}

#[test]
fn a_term_of_others_ends_when_it_did_not_change_for_its_duration() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut candidate = Candidate::new("b".into(), Timing::default());
    assert_eq!(candidate.step(None, start), Step::Write);
    assert_eq!(candidate.step(Some(&lease("a", "1")), start), Step::Wait(after(20)));
    assert_eq!(candidate.step(Some(&lease("a", "1")), after(19)), Step::Wait(after(20)));
    assert_eq!(candidate.step(Some(&lease("a", "2")), after(19)), Step::Wait(after(39)));
    assert_eq!(candidate.step(Some(&lease("a", "2")), after(39)), Step::Write);
    assert_eq!(candidate.step(Some(&lease("", "3")), after(20)), Step::Write);
    assert_eq!(candidate.step(Some(&lease("b", "4")), after(20)), Step::Write);
}

#[test]
fn transitions_count_holders() {
    let candidate = Candidate::new("b".into(), Timing::default());
    let now = jiff::Timestamp::UNIX_EPOCH;
    let transitions = |current: Option<&Lease>| candidate.claim("x", current, now).spec.unwrap().lease_transitions;
    assert_eq!(transitions(None), Some(0));
    assert_eq!(transitions(Some(&lease("a", "1"))), Some(4));
    assert_eq!(transitions(Some(&lease("b", "1"))), Some(3));
    let claim = candidate.claim("x", Some(&lease("a", "7")), now);
    assert_eq!(claim.metadata.resource_version.as_deref(), Some("7"));
}

async fn becomes(leadership: &Leadership, leader_state: LeaderState) {
    leadership.state().wait_for(|now| *now == leader_state).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_next_follows_at_once() {
    let cluster = Cluster::default();
    let (stop_a, stop_b) = (CancellationToken::new(), CancellationToken::new());
    let (a, a_done) = start(cluster.client(), options("a"), stop_a.clone());
    becomes(&a, LeaderState::Leader).await;
    let (b, b_done) = start(cluster.client(), options("b"), stop_b.clone());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(a.is_leader() && !b.is_leader());

    let before = Instant::now();
    stop_a.cancel();
    a_done.await.unwrap();
    assert!(!a.is_leader());
    becomes(&b, LeaderState::Leader).await;
    assert!(before.elapsed() < Duration::from_millis(100), "took {:?}", before.elapsed());
    assert_eq!(cluster.object(PATH).unwrap()["spec"]["holderIdentity"], "b");
    stop_b.cancel();
    b_done.await.unwrap();
    assert_eq!(cluster.object(PATH).unwrap()["spec"]["holderIdentity"], "");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_the_next_starts() {
    let cluster = Cluster::default();
    let (a, _) = start(cluster.client(), options("a"), CancellationToken::new());
    becomes(&a, LeaderState::Leader).await;
    let renewed = Instant::now();
    cluster.fail("leases", 503);
    becomes(&a, LeaderState::Follower).await;
    let lost = renewed.elapsed();
    assert!(lost <= Duration::from_secs(12), "believed for {lost:?}");
    assert!(!a.is_leader());

    cluster.heal();
    let (b, _) = start(cluster.client(), options("b"), CancellationToken::new());
    becomes(&a, LeaderState::Leader).await;
    assert!(!b.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_followed_after_its_duration() {
    let cluster = Cluster::default();
    cluster.put(PATH, json!({ "spec": { "holderIdentity": "dead", "leaseDurationSeconds": 15 } }));
    let begun = Instant::now();
    let (b, _) = start(cluster.client(), options("b"), CancellationToken::new());
    becomes(&b, LeaderState::Leader).await;
    assert!((Duration::from_secs(15)..Duration::from_secs(17)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_permission_there_is_no_election() {
    let cluster = Cluster::default();
    cluster.fail("leases", 403);
    let (a, _) = start(cluster.client(), options("a"), CancellationToken::new());
    becomes(&a, LeaderState::Unelectable).await;
    assert!(!a.is_leader() && a.may_write_alike());
    cluster.heal();
    becomes(&a, LeaderState::Leader).await;
    assert!(a.is_leader() && a.may_write_alike());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_process_does_not_believe_in_its_old_term() {
    let term = Term::new();
    term.extend(Instant::now() + Duration::from_secs(10));
    assert!(term.runs(Instant::now()));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(!term.runs(Instant::now()));
}
