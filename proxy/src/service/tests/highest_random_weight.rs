//! Services by the client's address, without sending.

use super::World;
use crate::forward::tests::{exchange, get};
use crate::service::Service;
use crate::service::send::Leaf;
use flow_middleware::{Connection, Exchange};
use smallvec::SmallVec;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

fn from(client: IpAddr) -> Exchange {
    let remote = SocketAddr::new(client, 4711);
    Exchange { connection: Arc::new(Connection::new(remote, remote, None, "web".into())), ..exchange(get("/")) }
}

/// The name of the load balancer that a client of this address gets.
fn choose(service: &Service, client: u32) -> Option<String> {
    let exchange = from(Ipv4Addr::from(0x0a00_0000 + client).into());
    match service.leaf(&exchange, &mut SmallVec::new()) {
        Leaf::Balancer(name, _) => Some(name.to_string()),
        _ => None,
    }
}

#[test]
fn a_client_keeps_its_service_and_weights_are_shares() {
    let mut world = World::new();
    for (name, url) in [("carts-8080", "http://10.0.0.1:80"), ("search-80", "http://10.0.0.2:80")] {
        world.add_server(name, url);
    }
    let members = r#"[{"name": "carts-8080", "weight": 3}, {"name": "search-80"}, {"name": "gone", "weight": 0}]"#;
    let service = world.add("h", &format!(r#"{{"highestRandomWeight": {{"services": {members}}}}}"#));
    let chosen: Vec<_> = (0..10_000).map(|client| choose(&service, client).unwrap()).collect();
    let share = chosen.iter().filter(|name| *name == "carts-8080").count();
    assert!(share.abs_diff(7_500) < 200, "{share}");
    for client in 0..100 {
        assert_eq!(choose(&service, client).as_ref(), chosen.get(client as usize));
    }
    // Nested: the outer one has one member.
    let outer = world.add("o", r#"{"highestRandomWeight": {"services": [{"name": "h"}]}}"#);
    assert_eq!(choose(&outer, 7), choose(&service, 7));
}

#[test]
fn nothing_to_choose_from() {
    let none = World::new().add("h", r#"{"highestRandomWeight": {"services": [{"name": "x", "weight": -1}]}}"#);
    assert_eq!(choose(&none, 1), None);
}
