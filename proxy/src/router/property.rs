//! Property test: the table finds the oracle's route, for tables built at once and for tables that grew by changes.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::oracle::{self, PlainRequest};
use super::{CompiledRule, RequestView, Route, RouteTable};
use flow_model::config::{PathOrder, RuleSyntax};
use flow_model::rule::Rule;
use http::HeaderMap;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;

const HOSTS: &[&str] = &["a.test", "b.test", "x.a.test", "y.x.a.test", "test", "A.Test", "b.test.", "z.b.test"];
const HOST_VALUES: &[&str] = &["*.a.test", "*.test", "*.x.a.test", "*", "*a.test", "*.test."];
const PATHS: &[&str] = &["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/a b", "/a/bc", "/b/a/b"];

const REGEXPS: &[&str] = &["^/a/.*$", "/b", "^/a", "^/a?b", "^/(a|b)$", "^/a/b|^/b", "^/ab*$"];

fn matcher() -> impl Strategy<Value = String> {
    let host = prop_oneof![3 => select(HOSTS), 2 => select(HOST_VALUES)];
    prop_oneof![
        6 => host.prop_map(|host| format!("Host(`{host}`)")),
        1 => select(vec!["a", r"^[a-z]\.", "^$", "test$"]).prop_map(|re| format!("HostRegexp(`{re}`)")),
        3 => select(PATHS).prop_map(|path| format!("Path(`{path}`)")),
        6 => select(PATHS).prop_map(|path| format!("PathPrefix(`{path}`)")),
        2 => select(REGEXPS).prop_map(|re| format!("PathRegexp(`{re}`)")),
        1 => select(vec!["get", "POST"]).prop_map(|method| format!("Method(`{method}`)")),
        1 => select(vec!["Header(`X-A`, `1`)", "HeaderRegexp(`x-a`, `^[0-9]$`)", "Header(`Host`, `a.test`)"]).prop_map(str::to_owned),
        1 => select(vec!["Query(`k`)", "Query(`k`, `1`)", "QueryRegexp(`k`, `[0-9]`)"]).prop_map(str::to_owned),
        1 => select(vec!["ClientIP(`10.0.0.0/8`)", "ClientIP(`192.0.2.1`)"]).prop_map(str::to_owned),
    ]
}

fn version_3() -> impl Strategy<Value = String> {
    matcher().prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            4 => vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            3 => vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            1 => inner.prop_map(|part| format!("!{part}")),
        ]
    })
}

fn version_2() -> impl Strategy<Value = String> {
    let matcher = select(vec![
        "Host(`a.test`, `b.test`)",
        "HostHeader(`x.a.test`)",
        "Host(`*.a.test`)",
        "HostRegexp(`{sub:[a-z]+}.a.test`, `b.test`)",
        "Path(`/a`, `/{any}/b`)",
        "PathPrefix(`/{x:a+}`, `/b`)",
        "Query(`k=1`)",
        "Query(`k=`)",
        "Query(`k={v:[0-9]}`)",
        "Headers(`X-A`, `1`)",
        "Method(`GET`, `POST`)",
    ]);
    vec((matcher, any::<bool>()), 1..4).prop_map(|parts| {
        let parts: Vec<_> = parts.iter().map(|(text, not)| format!("{}{text}", if *not { "!" } else { "" })).collect();
        parts.join(" && ")
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        5 => version_3().prop_map(|text| Rule::parse(&text, RuleSyntax::V3).unwrap()),
        1 => version_2().prop_map(|text| Rule::parse(&text, RuleSyntax::V2).unwrap()),
    ]
}

type Pair = (Rule, Arc<Route<usize>>);

fn routes(most: usize) -> impl Strategy<Value = Vec<Pair>> {
    let path = (0_u16..3, any::<bool>()).prop_map(|(length, exact)| PathOrder { discount: 0, length, exact });
    vec((rule(), 0_i64..6, 0_u32..2, path, 0_i64..2), 0..most)
        .prop_map(|routes| routes.into_iter().enumerate().map(pair).collect())
}

fn pair((number, (rule, priority, precedence, path, created)): (usize, (Rule, i64, u32, PathOrder, i64))) -> Pair {
    let compiled = CompiledRule::compile(&rule).unwrap();
    let name = format!("route-{number}").into();
    (rule, Arc::new(Route { rule: compiled, priority, precedence, path, created, name, target: number }))
}

fn request() -> impl Strategy<Value = PlainRequest> {
    let authority = (select(HOSTS), select(vec!["", ":80"])).prop_map(|(host, port)| format!("{host}{port}"));
    let authority = prop_oneof![9 => authority, 1 => Just(String::new())];
    let path = (select(PATHS), select(vec!["", "/", "c", "%2Fb", "%20", "%61"]));
    let path = path.prop_map(|(path, tail)| format!("{}{tail}", path.replace(' ', "%20")));
    let query = select(vec!["", "k=", "k=1", "k=x&k=1", "l=1"]);
    (authority, path, query, select(vec!["GET", "get", "POST"]), any::<bool>(), any::<bool>()).prop_map(
        |(authority, path, query, method, header, near)| {
            let mut headers = HeaderMap::new();
            if header {
                headers.insert("x-a", "1".parse().unwrap());
                headers.insert("host", "a.test".parse().unwrap());
            }
            let client = if near { "10.1.1.1" } else { "192.0.2.1" }.parse().unwrap();
            PlainRequest { authority, path, query: query.into(), method: method.into(), headers, client }
        },
    )
}

fn check(table: &RouteTable<usize>, routes: &[Pair], request: &PlainRequest) -> Result<(), TestCaseError> {
    let PlainRequest { authority, path, query, method, headers, client } = request;
    let view = RequestView::new(authority, path, Some(query), method, headers, *client);
    let found = table.find(&view).map(|route| route.target);
    prop_assert_eq!(found, oracle::find(routes, request).map(|route| route.target), "{:?}", request);
    Ok(())
}

fn arcs<'a>(routes: impl IntoIterator<Item = &'a Pair>) -> Vec<Arc<Route<usize>>> {
    routes.into_iter().map(|(_, route)| route.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_the_oracle_finds(routes in routes(40), requests in vec(request(), 12)) {
        let table = RouteTable::default().with(&[], &arcs(&routes));
        for request in &requests {
            check(&table, &routes, request)?;
        }
    }

    #[test]
    fn changes_lead_where_a_new_start_leads(
        pool in routes(40),
        steps in vec(vec(any::<bool>(), 40), 1..5),
        requests in vec(request(), 6),
    ) {
        let mut table = RouteTable::default();
        let mut last = vec![false; 40];
        for step in steps {
            let those = |wanted: &dyn Fn(bool, bool) -> bool| -> Vec<Pair> {
                let states = pool.iter().zip(last.iter().zip(&step));
                states.filter(|(_, (was, is))| wanted(**was, **is)).map(|(pair, _)| pair.clone()).collect()
            };
            let (gone, new) = (those(&|was, is| was && !is), those(&|was, is| is && !was));
            table = table.with(&arcs(&gone), &arcs(&new));
            let present = those(&|_, is| is);
            last.clone_from(&step);
            for request in &requests {
                check(&table, &present, request)?;
            }
        }
    }
}
