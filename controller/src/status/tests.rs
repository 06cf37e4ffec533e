#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::lease::LeaderState;
use crate::mock_api::Cluster;
use crate::view::ingress::{Address, AddressPort};
use serde_json::json;
use tokio::time::sleep;

const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";

fn plan(generation: u64, names: &[&str], ip: &str) -> Plan {
    let address = Address { ip: ip.into(), ..Address::default() };
    let body = Arc::new(load_balancer::patch(&[address]));
    let patch = |name: &&str| StatusPatch {
        kind: Kind::Ingress,
        key: ObjectKey::new("default", name),
        generation,
        body: Arc::clone(&body),
    };
    Plan::More(names.iter().map(patch).collect())
}

struct Bench {
    cluster: Cluster,
    plans: mpsc::UnboundedSender<Plan>,
    applied: watch::Sender<u64>,
}

impl Bench {
    fn new(leader_state: LeaderState) -> Self {
        let cluster = Cluster::default();
        for name in ["a", "b"] {
            cluster.put(&format!("{INGRESSES}/{name}"), json!({ "spec": {} }));
        }
        let (plans, receive) = mpsc::unbounded_channel();
        let (applied, receive_applied) = watch::channel(0);
        tokio::spawn(write(cluster.client(), Leadership::fixed(leader_state), receive, receive_applied));
        Self { cluster, plans, applied }
    }

    fn plan(&self, plan: Plan) {
        self.plans.send(plan).unwrap();
    }

    fn ip(&self, name: &str) -> Option<String> {
        let ingress = self.cluster.object(&format!("{INGRESSES}/{name}")).unwrap();
        ingress.pointer("/status/loadBalancer/ingress/0/ip").and_then(Value::as_str).map(str::to_owned)
    }

    async fn wait(&self) {
        sleep(Duration::from_secs(1)).await;
    }

    fn writes(&self) -> usize {
        self.cluster.requests("PATCH").len()
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_is_told_once_the_routes_are_served() {
    let bench = Bench::new(LeaderState::Leader);
    bench.plan(plan(2, &["a", "b"], "192.0.2.1"));
    bench.applied.send_replace(1);
    bench.wait().await;
    assert_eq!((bench.ip("a"), bench.writes()), (None, 0));
    bench.applied.send_replace(2);
    bench.wait().await;
    assert_eq!((bench.ip("a").as_deref(), bench.ip("b").as_deref()), (Some("192.0.2.1"), Some("192.0.2.1")));
    assert!(
        bench.cluster.requests("PATCH").iter().all(|r| r.contains("/status?") && r.contains("fieldManager=flow-proxy"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_newest_addresses_are_written_once() {
    let bench = Bench::new(LeaderState::Leader);
    bench.plan(plan(1, &["a", "b"], "192.0.2.1"));
    bench.plan(plan(1, &["b", "a"], "192.0.2.2"));
    bench.wait().await;
    bench.applied.send_replace(1);
    bench.wait().await;
    assert_eq!((bench.ip("a").as_deref(), bench.ip("b").as_deref()), (Some("192.0.2.2"), Some("192.0.2.2")));
    assert_eq!(bench.writes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_are_written_a_few_at_a_time() {
    let bench = Bench::new(LeaderState::Leader);
    let names: Vec<_> = (0..1000).map(|index| format!("n{index}")).collect();
    for name in &names {
        bench.cluster.put(&format!("{INGRESSES}/{name}"), json!({ "spec": {} }));
    }
    bench.plan(plan(0, &names.iter().map(String::as_str).collect::<Vec<_>>(), "192.0.2.1"));
    bench.wait().await;
    assert!(names.iter().all(|name| bench.ip(name).is_some()));
    assert_eq!(bench.writes(), 1000);
}

#[tokio::test(start_paused = true)]
async fn followers_do_not_write() {
    let bench = Bench::new(LeaderState::Follower);
    bench.plan(plan(0, &["a"], "192.0.2.1"));
    bench.wait().await;
    assert_eq!(bench.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_an_election_every_replica_writes_alike() {
    let bench = Bench::new(LeaderState::Unelectable);
    bench.plan(plan(0, &["a"], "192.0.2.1"));
    bench.wait().await;
    assert_eq!(bench.ip("a").as_deref(), Some("192.0.2.1"));
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_and_vanished_objects_are_not() {
    let bench = Bench::new(LeaderState::Leader);
    bench.cluster.fail("PATCH", 500);
    bench.plan(plan(0, &["a", "gone"], "192.0.2.1"));
    sleep(Duration::from_secs(30)).await;
    assert!((4..20).contains(&bench.writes()), "{} writes", bench.writes());
    bench.cluster.heal();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.ip("a").as_deref(), Some("192.0.2.1"));
    let before = bench.writes();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(bench.writes(), before);
}

#[test]
fn addresses_say_what_they_have() {
    let full = Address {
        ip: "192.0.2.1".into(),
        hostname: "lb.test".into(),
        ports: vec![AddressPort { port: 443, protocol: "TCP".into() }].into(),
    };
    let wanted = json!([{ "ip": "192.0.2.1", "hostname": "lb.test", "ports": [{ "port": 443, "protocol": "TCP" }] }]);
    assert_eq!(load_balancer::patch(&[full])["status"]["loadBalancer"]["ingress"], wanted);
    assert_eq!(load_balancer::patch(&[])["status"]["loadBalancer"]["ingress"], json!([]));
}
