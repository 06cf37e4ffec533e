//! Choosing without sending: stickiness, weighted services, and state that outlives a reload.

use super::{World, server};
use crate::forward::tests::{exchange, get};
use crate::service::send::Leaf;
use crate::service::{Kind, Service, ServiceError};
use flow_model::config::{self, Cookie, LoadBalancer, Server, ServiceKind, Sticky, Weighted, WeightedService};
use flow_model::name::Name;
use http::HeaderValue;
use std::sync::Arc;

fn sticky(cookie: Cookie) -> Option<Sticky> {
    Some(Sticky { cookie: Some(cookie) })
}

fn balancer(servers: Vec<Server>, sticky: Option<Sticky>) -> ServiceKind {
    ServiceKind::LoadBalancer(LoadBalancer { servers, sticky: sticky.map(Box::new), ..LoadBalancer::default() })
}

/// The URL chosen, and the cookies set.
fn choose(service: &Service, cookie: Option<&str>) -> Option<(String, Vec<String>)> {
    let mut request = get("/");
    if let Some(cookie) = cookie {
        request.headers_mut().insert("cookie", HeaderValue::from_str(cookie).unwrap());
    }
    let exchange = exchange(request);
    let mut cookies = smallvec::SmallVec::new();
    let Leaf::Balancer(_, balancer) = service.leaf(&exchange, &mut cookies) else { return None };
    let (index, own) = balancer.choose(&exchange.head.headers, &[])?;
    cookies.extend(own);
    let cookies = cookies.iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect();
    Some((balancer.endpoints()[index].url().to_owned(), cookies))
}

#[test]
fn cookies_look_like_traefiks() {
    let mut world = World::new();
    let servers = || vec![server("http://10.0.0.1:80")];
    // sha1("_TRAEFIK_BACKEND_default-whoami-80@kubernetes"), sha256("http://10.0.0.1:80")
    let plain = world.compile("default-whoami-80@kubernetes", balancer(servers(), sticky(Cookie::default())), None);
    assert_eq!(choose(&plain, None).unwrap().1, ["_1682a=df5bd2f9c0180410; Path=/"]);
    let full = Cookie {
        name: "my cookie;".to_owned(),
        secure: true,
        http_only: true,
        same_site: "None".to_owned(),
        max_age: 60,
        path: Some("/a".to_owned()),
        domain: ".example.com".to_owned(),
    };
    let all = world.compile("s@file", balancer(servers(), sticky(full)), None);
    assert_eq!(
        choose(&all, None).unwrap().1,
        ["my_cookie_=df5bd2f9c0180410; Path=/a; Domain=example.com; Max-Age=60; HttpOnly; Secure; SameSite=None"]
    );
    let over = Cookie { name: "c".to_owned(), max_age: -1, ..Cookie::default() };
    let over = world.compile("s@file", balancer(servers(), sticky(over)), None);
    assert_eq!(choose(&over, None).unwrap().1, ["c=df5bd2f9c0180410; Path=/; Max-Age=0"]);
}

#[test]
fn a_client_stays_and_older_values_are_renewed() {
    let mut world = World::new();
    let (one, two) = ("http://10.0.0.1:80", "http://10.0.0.2:80");
    let cookie = Cookie { name: "c".to_owned(), ..Cookie::default() };
    let service = world.compile("s@file", balancer(vec![server(one), server(two)], sticky(cookie)), None);
    for _ in 0..4 {
        assert_eq!(choose(&service, Some("a=1; c=df5bd2f9c0180410")).unwrap(), (one.to_owned(), vec![]));
        assert_eq!(choose(&service, Some("c=\"df5bd2f9c0180410\"")).unwrap(), (one.to_owned(), vec![]));
    }
    // FNV-1 of the URL, FNV-1 of that, the URL itself.
    for older in ["6773b9eb3f0631af", "a3882de487ebf0dc", "http://10.0.0.1:80"] {
        let (url, cookies) = choose(&service, Some(&format!("c={older}"))).unwrap();
        assert_eq!((url.as_str(), cookies.len()), (one, 1), "{older}");
        assert!(cookies[0].starts_with("c=df5bd2f9c0180410;"));
    }
    let (_, cookies) = choose(&service, Some("c=unknown; d=df5bd2f9c0180410")).unwrap();
    assert_eq!(cookies.len(), 1, "an unknown value gets a new choice");
}

#[test]
fn a_fenced_server_keeps_its_own_clients_only() {
    let mut world = World::new();
    let fenced = Server { fenced: true, ..server("http://10.0.0.1:80") };
    let cookie = Cookie { name: "c".to_owned(), ..Cookie::default() };
    let both = vec![fenced.clone(), server("http://10.0.0.2:80")];
    let service = world.compile("s@file", balancer(both, sticky(cookie.clone())), None);
    for _ in 0..4 {
        assert_eq!(choose(&service, None).unwrap().0, "http://10.0.0.2:80");
    }
    assert_eq!(choose(&service, Some("c=df5bd2f9c0180410")).unwrap().0, "http://10.0.0.1:80");
    let service = world.compile("s@file", balancer(vec![fenced], None), None);
    assert_eq!(choose(&service, None), None);
}

#[test]
fn weighted_services_with_their_own_cookie() {
    let mut world = World::new();
    for (name, url) in [("a@file", "http://10.0.0.1:80"), ("b@file", "http://10.0.0.2:80")] {
        let service = world.compile(name, balancer(vec![server(url)], None), None);
        world.offer(&service);
    }
    let entry = |name: &str, weight| WeightedService { name: Name::from(name), weight };
    let weights = vec![entry("a@file", Some(3)), entry("b@file", None), entry("missing@file", Some(0))];
    let plain = Weighted { services: weights.clone(), ..Weighted::default() };
    let plain = world.compile("w@file", ServiceKind::Weighted(plain), None);
    let chosen: Vec<_> = (0..8).map(|_| choose(&plain, None).unwrap().0).collect();
    assert_eq!(chosen.iter().filter(|url| url.ends_with("1:80")).count(), 6);
    let cookie = sticky(Cookie { name: "w".to_owned(), ..Cookie::default() });
    let weighted = Weighted { services: weights, sticky: cookie.map(Box::new), ..Weighted::default() };
    let weighted = world.compile("w@file", ServiceKind::Weighted(weighted), None);
    // sha256("b@file"), the name as the configuration has it
    assert_eq!(choose(&weighted, Some("w=b@file")).unwrap().1, ["w=f668813aab151233; Path=/"]);
    assert_eq!(choose(&weighted, Some("w=f668813aab151233")).unwrap(), ("http://10.0.0.2:80".to_owned(), vec![]));
}

#[test]
fn what_does_not_hold_is_refused() {
    let mut world = World::new();
    let mut refused = |kind| {
        let config = Arc::new(config::Service { kind, middlewares: Vec::new() });
        Service::compile(&Name::from("s@file"), &config, &mut world, None).unwrap_err()
    };
    for url in ["http://", "ftp://10.0.0.1:80", "10.0.0.1:80", "http://a b"] {
        assert!(matches!(refused(balancer(vec![server(url)], None)), ServiceError::Server { .. }), "{url}");
    }
    let missing = vec![WeightedService { name: Name::from("x@file"), weight: None }];
    let missing = ServiceKind::Weighted(Weighted { services: missing, ..Weighted::default() });
    assert_eq!(refused(missing), ServiceError::UnknownService(Name::from("x@file")));
    let mut world = World::default();
    let config = Arc::new(config::Service { kind: balancer(vec![], None), middlewares: Vec::new() });
    let error = Service::compile(&Name::from("s@file"), &config, &mut world, None).unwrap_err();
    assert_eq!(error, ServiceError::UnknownTransport(Name::from("")));
}

#[test]
fn a_reload_keeps_what_did_not_change() {
    let mut world = World::new();
    let (one, two, three) = (server("http://10.0.0.1:80"), server("http://10.0.0.2:80"), server("http://10.0.0.3:80"));
    let before = world.compile("s@file", balancer(vec![one.clone(), two.clone()], None), None);
    let same = world.compile("s@file", balancer(vec![one, two.clone()], None), Some(&before));
    assert!(Arc::ptr_eq(&before, &same));
    let after = world.compile("s@file", balancer(vec![three, two], None), Some(&before));
    assert!(Arc::ptr_eq(&before.endpoints()[1], &after.endpoints()[1]), "its connections stay");
    assert!(before.endpoints().iter().all(|endpoint| !Arc::ptr_eq(endpoint, &after.endpoints()[0])));
    let position = |service: &Arc<Service>| match &service.kind {
        Kind::LoadBalancer(balancer) => balancer.round_robin.position(),
        other => panic!("{other:?}"),
    };
    choose(&after, None);
    assert_eq!(position(&after), position(&before) + 1, "the rotation goes on where it was");
    world.transport = World::new().transport;
    let moved = world.compile("s@file", after.config().kind.clone(), Some(&after));
    assert!(!Arc::ptr_eq(&moved.endpoints()[1], &after.endpoints()[1]), "reached in another way");
}
