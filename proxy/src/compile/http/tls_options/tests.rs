#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

const LAX: ConflictPolicy<'_> = ConflictPolicy { strict: false, guard: &guard };
fn guard(name: &str) -> Guard {
    match name {
        _ if name.starts_with("mtls") => Guard::Asks,
        "gone" => Guard::Unusable,
        _ => Guard::Open,
    }
}

const STRICT: ConflictPolicy<'_> = ConflictPolicy { strict: true, ..LAX };

fn request(router: &str, hosts: &[&str], options: &str, created: i64) -> TlsOptionsRequest {
    TlsOptionsRequest {
        entry_point: "web".into(),
        router: router.into(),
        hosts: hosts.iter().map(|h| Name::from(*h)).collect(),
        options: options.into(),
        created,
    }
}

fn on(entry_point: &str, request: TlsOptionsRequest) -> TlsOptionsRequest {
    TlsOptionsRequest { entry_point: entry_point.into(), ..request }
}

/// `entry point/router: outcome`, sorted.
fn outcomes(choice: &Choice) -> Vec<String> {
    let all = choice.conflicts.iter().flat_map(|(router, conflicts)| conflicts.iter().map(move |c| (router, c)));
    let mut all: Vec<_> = all.map(|(router, c)| format!("{}/{router}: {:?}", c.entry_point, c.outcome)).collect();
    all.sort();
    all
}

fn options<'a>(choice: &'a Choice, entry_point: &str, host: &str) -> Option<&'a str> {
    choice.by_host.get(entry_point)?.get(host).map(|name| &**name)
}

fn message<'a>(choice: &'a Choice, router: &str) -> &'a str {
    &choice.conflicts[router][0].message
}

#[test]
fn routers_that_agree_get_their_options() {
    let choice = choose(&[request("a", &["x", "y"], "strict", 0), request("b", &["x"], "strict", 0)], &LAX);
    assert_eq!(options(&choice, "web", "x"), Some("strict"));
    assert!(choice.conflicts.is_empty());
}

#[test]
fn routers_that_disagree_fall_back_where_nobody_asks_for_client_certificates() {
    let requests =
        [request("a", &["x"], "strict", 0), request("b", &["x"], DEFAULT, 0), request("c", &["z"], "own", 0)];
    let choice = choose(&requests, &LAX);
    assert_eq!(options(&choice, "web", "x"), None);
    assert_eq!(options(&choice, "web", "z"), Some("own"));
    assert_eq!(outcomes(&choice), ["web/a: Default", "web/b: Default"]);
    assert!(message(&choice, "a").contains("router b"), "{}", message(&choice, "a"));
    assert!(message(&choice, "b").contains("strict of router a"), "{}", message(&choice, "b"));
}

#[test]
fn a_router_without_host_has_no_options_of_its_own() {
    let requests = [request("a", &[], "strict", 0), request("b", &[], DEFAULT, 0), request("c", &[], "mtls", 0)];
    assert_eq!(outcomes(&choose(&requests, &LAX)), ["web/a: Default", "web/c: Refused"]);
    assert_eq!(outcomes(&choose(&requests, &STRICT)), ["web/a: Refused", "web/c: Refused"]);
}

#[test]
fn client_certificates_are_not_taken_away_by_who_comes_later() {
    for other in [DEFAULT, "open", "mtls-other"] {
        let requests = [request("intruder", &["bank"], other, 2), request("owner", &["bank"], "mtls", 1)];
        let choice = choose(&requests, &LAX);
        assert_eq!(options(&choice, "web", "bank"), Some("mtls"), "{other}");
        assert_eq!(outcomes(&choice), ["web/intruder: Refused", "web/owner: Kept"], "{other}");
        assert!(message(&choice, "intruder").contains("mtls of router owner on host bank"));
        assert!(message(&choice, "owner").contains("router intruder"));
    }
}

#[test]
fn nobody_is_shut_out_by_client_certificates_that_another_asks_for_later() {
    let requests = [request("owner", &["shop"], DEFAULT, 1), request("intruder", &["shop"], "mtls", 2)];
    let choice = choose(&requests, &LAX);
    assert_eq!(options(&choice, "web", "shop"), None);
    assert_eq!(outcomes(&choice), ["web/intruder: Refused", "web/owner: Kept"]);
}

#[test]
fn of_the_same_age_who_asks_for_client_certificates_goes_first() {
    let requests = [request("a", &["bank"], DEFAULT, 1), request("z", &["bank"], "mtls", 1)];
    assert_eq!(outcomes(&choose(&requests, &LAX)), ["web/a: Refused", "web/z: Kept"]);
}

#[test]
fn a_router_that_loses_one_host_claims_none() {
    let requests = [
        request("first", &["a"], "mtls", 1),
        request("second", &["a", "b"], "open", 2),
        request("third", &["b"], "mtls", 3),
        request("fourth", &["b", "c"], "open", 4),
        request("fifth", &["c"], "open", 5),
    ];
    let choice = choose(&requests, &LAX);
    assert_eq!(outcomes(&choice), ["web/first: Kept", "web/fourth: Refused", "web/second: Refused", "web/third: Kept"]);
    assert_eq!(options(&choice, "web", "b"), Some("mtls"));
    assert_eq!(options(&choice, "web", "c"), Some("open"));
}

#[test]
fn entry_points_are_settled_apart() {
    let requests = [
        on("one", request("owner", &["bank"], "mtls", 1)),
        on("two", request("owner", &["bank"], "mtls", 1)),
        on("two", request("other", &["bank"], DEFAULT, 2)),
    ];
    let choice = choose(&requests, &LAX);
    assert_eq!(outcomes(&choice), ["two/other: Refused", "two/owner: Kept"]);
    assert_eq!(options(&choice, "one", "bank"), Some("mtls"));
    assert_eq!(outcomes(&choose(&requests, &STRICT)), ["two/other: Refused", "two/owner: Refused"]);
    assert_eq!(options(&choose(&requests, &STRICT), "one", "bank"), Some("mtls"));
    assert_eq!(options(&choose(&requests, &STRICT), "two", "bank"), None);
}

#[test]
fn options_that_cannot_be_used_stand_in_nobodys_way() {
    let requests = [
        request("broken", &["bank", "shop", "alone"], "gone", 1),
        request("owner", &["bank"], "mtls", 2),
        request("a", &["shop"], DEFAULT, 3),
        request("b", &["lost"], "gone", 3),
    ];
    let choice = choose(&requests, &LAX);
    assert_eq!(outcomes(&choice), ["web/broken: Refused"]);
    assert_eq!(options(&choice, "web", "bank"), Some("mtls"));
    assert_eq!((options(&choice, "web", "shop"), options(&choice, "web", "alone")), (None, None));
    assert_eq!(options(&choice, "web", "lost"), Some("gone"), "its connections are closed");
}

#[test]
fn strictly_nobody_in_a_conflict_is_served() {
    let requests = [
        request("a", &["x"], "strict", 1),
        request("b", &["x"], "own", 2),
        request("c", &["x"], DEFAULT, 3),
        request("d", &["y"], "own", 4),
    ];
    let choice = choose(&requests, &STRICT);
    assert_eq!(outcomes(&choice), ["web/a: Refused", "web/b: Refused", "web/c: Refused"]);
    assert_eq!((options(&choice, "web", "x"), options(&choice, "web", "y")), (None, Some("own")));
}

#[test]
fn a_host_beside_a_wildcard_keeps_the_default_options() {
    let requests = [
        request("rest", &["*.x.test"], "mtls", 1),
        request("one", &["a.x.test"], DEFAULT, 2),
        request("two", &["b.x.test"], "own", 3),
        request("three", &["b.x.test"], "strict", 3),
        request("deep", &["a.b.x.test"], DEFAULT, 4),
    ];
    let choice = choose(&requests, &LAX);
    assert_eq!(options(&choice, "web", "*.x.test"), Some("mtls"));
    assert_eq!(options(&choice, "web", "a.x.test"), Some(DEFAULT));
    assert_eq!(options(&choice, "web", "b.x.test"), Some(DEFAULT), "two and three fall back");
    assert_eq!(options(&choice, "web", "a.b.x.test"), None);
}

#[test]
fn the_order_of_wishes_does_not_matter() {
    let requests = [
        request("a", &["x", "y"], "mtls", 2),
        request("b", &["x"], DEFAULT, 1),
        request("c", &["y", "z"], "open", 3),
        request("d", &["z"], "own", 3),
        request("e", &[], "mtls", 0),
    ];
    let forwards = choose(&requests, &LAX);
    let backwards: Vec<_> = requests.iter().rev().cloned().collect();
    let backwards = choose(&backwards, &LAX);
    assert_eq!(forwards.conflicts, backwards.conflicts);
    assert_eq!(forwards.by_host, backwards.by_host);
}
