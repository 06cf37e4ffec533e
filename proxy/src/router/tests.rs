#![allow(clippy::unwrap_used, reason = "tests")]

use super::{CompiledRule, RequestView, Route, RouteTable};
use flow_model::config::PathOrder;
use flow_model::config::RuleSyntax::{self, V2, V3};
use flow_model::rule::Rule;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use std::net::IpAddr;
use std::sync::Arc;

fn compiled(text: &str, syntax: RuleSyntax) -> Arc<CompiledRule> {
    CompiledRule::compile(&Rule::parse(text, syntax).unwrap()).unwrap()
}

fn route(name: &str, text: &str) -> Arc<Route<()>> {
    ranked(name, text, text.len().try_into().unwrap(), 0)
}

fn ranked(name: &str, text: &str, priority: i64, precedence: u32) -> Arc<Route<()>> {
    let (path, created) = Default::default();
    Arc::new(Route { rule: compiled(text, V3), priority, precedence, path, created, name: name.into(), target: () })
}

/// `METHOD authority/path?query`, then `Name: value` lines.
struct Sample {
    method: String,
    authority: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    client: IpAddr,
}

impl Sample {
    fn new(text: &str) -> Self {
        let mut lines = text.lines();
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let (authority, rest) = target.split_at(target.find('/').unwrap());
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query.to_owned())));
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        let client = "192.0.2.7".parse().unwrap();
        Self { method: method.into(), authority: authority.into(), path: path.into(), query, headers: map, client }
    }

    fn view(&self) -> RequestView<'_> {
        let query = self.query.as_deref();
        RequestView::new(&self.authority, &self.path, query, &self.method, &self.headers, self.client)
    }
}

fn takes(rule: &str, syntax: RuleSyntax, request: &Sample) -> bool {
    let rule = compiled(rule, syntax);
    let table = RouteTable::default()
        .with(&[], &[Arc::new(Route { rule, ..Arc::into_inner(ranked("r", "Path(`/`)", 1, 0)).unwrap() })]);
    table.find(&request.view()).is_some()
}

fn name(table: &RouteTable<()>, request: &str) -> Option<String> {
    table.find(&Sample::new(request).view()).map(|route| route.name.to_string())
}

/// Rule, requests it takes, requests it does not take.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

fn check(syntax: RuleSyntax, cases: &[Case]) {
    for (rule, yes, no) in cases {
        for request in *yes {
            assert!(takes(rule, syntax, &Sample::new(request)), "{rule} takes {request}");
        }
        for request in *no {
            assert!(!takes(rule, syntax, &Sample::new(request)), "{rule} does not take {request}");
        }
    }
}

#[test]
fn hosts() {
    check(
        V3,
        &[
            (
                "Host(`a.test`)",
                &["GET a.test/", "GET A.TEST/", "GET a.test:8080/", "GET a.test./", "GET a.test.:1/"],
                &["GET b.test/", "GET x.a.test/", "GET /", "GET a.test../"],
            ),
            ("Host(`A.test.`)", &["GET a.test/", "GET a.test./"], &["GET a.tes/"]),
            ("Host(`*.a.test`)", &["GET x.a.test/", "GET X.A.test.:80/"], &["GET a.test/", "GET y.x.a.test/", "GET /"]),
            ("Host(`*`)", &["GET a.test/", "GET /", "GET localhost/"], &[]),
            ("!Host(`*`)", &[], &["GET a.test/", "GET /"]),
            ("Host(`*a.test`)", &[], &["GET xa.test/", "GET a.test/", "GET *a.test/"]),
            ("Host(`::1`)", &["GET [::1]:80/", "GET [::1]/"], &["GET [::2]/"]),
            ("!Host(`a.test`)", &["GET b.test/", "GET /"], &["GET a.test/", "GET A.test:1/"]),
            ("HostRegexp(`^[a-z]+\\.test$`)", &["GET A.test:80/"], &["GET a.test./", "GET a.b.test/"]),
            ("HostRegexp(`test`)", &["GET xtestx/"], &["GET tes/"]),
            // Traefik tries the expression on the flattened name, too, which is empty unless resolving is on.
            ("HostRegexp(`^$`)", &["GET a.test/", "GET /"], &[]),
        ],
    );
}

#[test]
fn paths() {
    check(
        V3,
        &[
            ("Path(`/a`)", &["GET a/a", "GET a/a?x", "GET a/%61"], &["GET a/a/", "GET a/A", "GET a/ab"]),
            ("PathPrefix(`/a`)", &["GET a/a", "GET a/ab", "GET a/a/b"], &["GET a/", "GET a/A", "GET a/x/a"]),
            ("PathPrefix(`/foo bar`)", &["GET a/foo%20bar", "GET a/foo%20bar/x"], &["GET a/foo+bar"]),
            ("Path(`/a/b`)", &["GET a/a/b"], &["GET a/a%2Fb", "GET a/a%2fb"]),
            ("Path(`/a%2Fb`)", &["GET a/a%2Fb"], &["GET a/a/b"]),
            ("Path(`/a%3Bb`)", &["GET a/a%3Bb"], &["GET a/a;b"]),
            ("Path(`/\u{e9}`)", &["GET a/%C3%A9"], &["GET a/%E9"]),
            ("PathRegexp(`item/[0-9]+$`)", &["GET a/item/12", "GET a/v1/item/3"], &["GET a/item/12a", "GET a/item/"]),
            ("PathRegexp(`^/item/`)", &["GET a/item/12"], &["GET a/v1/item/3"]),
            ("PathRegexp(`^/.$`)", &["GET a/x", "GET a/%C3%A9", "GET a/%FF"], &["GET a/xy"]),
        ],
    );
}

#[test]
fn methods_headers_and_queries() {
    check(
        V3,
        &[
            ("Method(`get`)", &["GET a/"], &["get a/", "POST a/"]),
            (
                "Header(`x-key`, `A`)",
                &["GET a/\nX-Key: A", "GET a/\nx-key: b\nX-KEY: A"],
                &["GET a/", "GET a/\nX-Key: a"],
            ),
            ("!Header(`x-key`, `A`)", &["GET a/", "GET a/\nX-Key: a"], &["GET a/\nX-Key: A"]),
            ("Header(`Host`, `a`)", &[], &["GET a/\nHost: a"]),
            ("!Header(`Host`, `a`)", &["GET a/\nHost: a"], &[]),
            ("HeaderRegexp(`host`, `.*`)", &[], &["GET a/\nHost: a"]),
            ("Header(`not a name`, `a`)", &[], &["GET a/"]),
            (
                "HeaderRegexp(`X-Key`, `^[0-9]+$`)",
                &["GET a/\nX-Key: 12", "GET a/\nX-Key: b\nX-Key: 3"],
                &["GET a/\nX-Key: 1b"],
            ),
            ("HeaderRegexp(`X-Key`, `^.$`)", &["GET a/\nX-Key: \u{e9}"], &["GET a/\nX-Key: ab"]),
            ("Query(`k`)", &["GET a/?k", "GET a/?k=", "GET a/?x=1&k"], &["GET a/", "GET a/?k=1", "GET a/?K"]),
            ("QueryRegexp(`k`)", &["GET a/?k"], &["GET a/?k=1"]),
            (
                "Query(`k`, `a b`)",
                &["GET a/?k=a+b", "GET a/?k=1&k=a%20b", "GET a/?%6B=a+b"],
                &["GET a/?k=a", "GET a/?k=%zz"],
            ),
            ("QueryRegexp(`k`, `[0-9]`)", &["GET a/?k=x&k=a1"], &["GET a/?k=x", "GET a/"]),
            ("Query(`k`, `1`)", &["GET a/?x;k=1"], &["GET a/?k=1%3Bx"]),
        ],
    );
}

#[test]
fn version_2() {
    check(
        V2,
        &[
            ("Host(`a.test`, `b.test`)", &["GET a.test/", "GET B.test.:1/"], &["GET c.test/", "GET /"]),
            ("Host(`*`)", &[], &["GET a.test/"]),
            (
                "HostRegexp(`{sub:[a-z]+}.test`)",
                &["GET a.test/", "GET A.TEST:80/"],
                &["GET a1.test/", "GET a.testx/", "GET /"],
            ),
            ("HostRegexp(`{sub}.test`)", &["GET a-1.test/"], &["GET a.b.test/"]),
            ("HostRegexp(`{all:(a.test)?}`)", &["GET a.test/", "GET /"], &["GET b.test/"]),
            ("Path(`/{id:[0-9]+}/x`)", &["GET a/12/x"], &["GET a/12/x/", "GET a/b/x", "GET a/v/12/x"]),
            ("PathPrefix(`/{id}/x`)", &["GET a/12/x", "GET a/b/xy"], &["GET a/b/c/x"]),
            ("Headers(`a`, `1`, `b`, `2`)", &["GET a/\na: 1\nb: 2"], &["GET a/\na: 1", "GET a/\na: 1\nb: 1"]),
            ("HeadersRegexp(`a`, `^[0-9]$`)", &["GET a/\na: 1"], &["GET a/\na: 11"]),
            ("Query(`k=1`)", &["GET a/?k=1", "GET a/?k=1&k=2"], &["GET a/?k=2&k=1", "GET a/?k=12", "GET a/"]),
            ("Query(`k=`)", &["GET a/?k=1", "GET a/?k"], &["GET a/?l"]),
            ("Query(`k={v:[a-z]+}`)", &["GET a/?k=ab"], &["GET a/?k=a1"]),
            ("Method(`get`, `post`)", &["GET a/", "POST a/"], &["get a/", "PUT a/"]),
        ],
    );
}

#[test]
fn client_addresses() {
    let from = |client: &str| Sample { client: client.parse().unwrap(), ..Sample::new("GET a/") };
    for (rule, yes, no) in [
        ("ClientIP(`192.0.2.0/24`)", "192.0.2.1", "192.0.3.1"),
        ("ClientIP(`192.0.2.1`)", "::ffff:192.0.2.1", "192.0.2.2"),
        ("ClientIP(`::ffff:192.0.2.0/120`)", "192.0.2.9", "192.0.3.9"),
        ("ClientIP(`2001:db8::/32`)", "2001:db8::1", "2001:db9::1"),
        ("ClientIP(`0.0.0.0/0`)", "10.0.0.1", "::1"),
    ] {
        assert!(takes(rule, V3, &from(yes)), "{rule} {yes}");
        assert!(!takes(rule, V3, &from(no)), "{rule} {no}");
    }
}

fn table(routes: &[Arc<Route<()>>]) -> RouteTable<()> {
    RouteTable::default().with(&[], routes)
}

#[test]
fn the_longer_rule_wins_wherever_it_is_found() {
    let table = RouteTable::default().with(
        &[],
        &[
            route("host", "Host(`host.test`)"),
            route("path", "Host(`host.test`) && PathPrefix(`/x`)"),
            route("wildcard", "Host(`*.test`) && PathPrefix(`/x/long`)"),
            route("hostless", "PathPrefix(`/x/long/and/longer/than/all/the/others`)"),
            route("rest", "PathPrefix(`/`)"),
        ],
    );
    for (request, wanted) in [
        ("GET host.test/", "host"),
        ("GET host.test/x", "path"),
        ("GET host.test/x/long", "wildcard"),
        ("GET host.test/x/long/and/longer/than/all/the/others/1", "hostless"),
        ("GET b.test/x/long", "wildcard"),
        ("GET b.test/x", "rest"),
        ("GET /", "rest"),
    ] {
        assert_eq!(name(&table, request).as_deref(), Some(wanted), "{request}");
    }
}

#[test]
fn equal_priorities_are_decided_by_precedence_and_then_by_name() {
    let rule = "PathPrefix(`/`)";
    let mut first =
        [ranked("a", rule, 5, 1), ranked("c", rule, 5, 0), ranked("b", rule, 5, 0), ranked("z", "Host(`h`)", 5, 0)];
    assert_eq!(name(&table(&first), "GET h/").as_deref(), Some("b"));
    first.reverse();
    assert_eq!(name(&table(&first), "GET h/").as_deref(), Some("b"));
    let high = [ranked("a", rule, i64::MAX, 9), ranked("b", rule, i64::MIN, 0)];
    assert_eq!(name(&table(&high), "GET h/").as_deref(), Some("a"));
}

#[test]
fn equal_priorities_are_decided_by_path_and_age_before_name() {
    let of = |name: &str, length, exact, created| {
        let path = PathOrder { discount: 0, length, exact };
        let route = Arc::into_inner(ranked(name, "PathPrefix(`/`)", 5, 0)).unwrap();
        Arc::new(Route { path, created, ..route })
    };
    let mut routes = vec![
        of("b", 9, true, 7),
        of("c", 9, true, 8),
        of("a", 9, false, 1),
        of("aa", 8, true, 1),
        ranked("0", "PathPrefix(`/`)", 5, 0),
    ];
    while let Some(first) = routes.first() {
        let name_of_first = first.name.to_string();
        assert_eq!(name(&table(&routes), "GET h/").as_deref(), Some(&*name_of_first));
        routes.reverse();
        assert_eq!(name(&table(&routes), "GET h/").as_deref(), Some(&*name_of_first));
        routes.reverse();
        routes.remove(0);
    }
}

#[test]
fn many_paths_on_one_host() {
    let mut routes: Vec<_> =
        (0..500).map(|n| route(&format!("{n}"), &format!("Host(`h`) && PathPrefix(`/p/{n}`)"))).collect();
    routes.push(route("exact", "Host(`h`) && Path(`/p/77/exactly/this`)"));
    routes.push(route("regexp", "Host(`h`) && PathRegexp(`^/p/[0-9]+/edit$`)"));
    routes.push(route("method", "Host(`h`) && Method(`POST`) && Header(`x`, `y`)"));
    routes.push(route("host", "Host(`h`)"));
    let table = table(&routes);
    for (request, wanted) in [
        ("GET h/p/7", Some("7")),
        ("GET h/p/77/x", Some("77")),
        ("GET h/p/7a", Some("7")),
        ("GET h/p/77/exactly/this", Some("exact")),
        ("GET h/p/77/exactly/this/", Some("77")),
        ("GET h/p/7/edit", Some("regexp")),
        ("POST h/p/7\nx: y", Some("method")),
        ("GET h/", Some("host")),
        ("GET other/p/7", None),
    ] {
        assert_eq!(name(&table, request).as_deref(), wanted, "{request}");
    }
}

#[test]
fn a_rule_may_name_more_alternatives_than_are_worth_splitting() {
    let hosts: Vec<_> = (0..200).map(|n| format!("Host(`h{n}`)")).collect();
    let paths: Vec<_> = (0..200).map(|n| format!("Path(`/p{n}`)")).collect();
    let both = format!("({}) && ({})", paths.join(" || "), hosts.join(" || "));
    let table = table(&[route("both", &both)]);
    assert_eq!(name(&table, "GET h199/p199").as_deref(), Some("both"));
    assert_eq!(name(&table, "GET h199/p200"), None);
    let endless = vec!["(Path(`/a`) || Method(`GET`))"; 20_000].join(" && ");
    assert!(takes(&endless, V3, &Sample::new("GET h/")));
    assert!(!takes(&endless, V3, &Sample::new("POST h/")));
    let wide = vec!["Host(`a`)"; 20_000].join(" || ");
    assert!(takes(&wide, V3, &Sample::new("GET a/")));
    assert!(!takes(&wide, V3, &Sample::new("GET b/")));
}

#[test]
fn a_table_follows_every_change() {
    let (a, b, c) = (route("a", "Host(`a`)"), route("b", "Host(`b`) || Host(`*.b`)"), route("c", "PathPrefix(`/c`)"));
    let first = table(&[a.clone(), b.clone(), c]);
    let a2 = route("a2", "Host(`a`) && Path(`/2`)");
    let second = first.with(std::slice::from_ref(&b), std::slice::from_ref(&a2));
    assert_eq!(name(&second, "GET a/2").as_deref(), Some("a2"));
    assert_eq!(name(&second, "GET a/").as_deref(), Some("a"));
    assert_eq!(name(&second, "GET b/"), None);
    assert_eq!(name(&second, "GET x.b/"), None);
    assert_eq!(name(&second, "GET b/c").as_deref(), Some("c"));
    assert_eq!(name(&first, "GET x.b/").as_deref(), Some("b"), "the old table still answers as it did");
    let third = second.with(&[a, a2], &[b]);
    assert_eq!(name(&third, "GET x.b/").as_deref(), Some("b"));
    assert_eq!(name(&third, "GET a/"), None);
}

#[test]
fn broken_and_oversized_expressions_are_refused() {
    for text in ["PathRegexp(`[`)", "HostRegexp(`(a{999}){999}`)", "HeaderRegexp(`host`, `(`)", "QueryRegexp(`k`, `+`)"]
    {
        let rule = Rule::parse(text, V3).unwrap();
        let error = CompiledRule::compile(&rule).unwrap_err().to_string();
        assert!(error.starts_with("the regular expression `"), "{error}");
    }
}
