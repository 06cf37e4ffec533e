//! The properties of the compiler that HTTP has, too: a configuration that grew by changes equals one compiled at once,
//! and a change builds nothing but what it concerns.

use super::{Config, Listing, Route, Router, Service, Table, Tcp};
use crate::compile::entry_points::EntryPoints;
use crate::compile::property::put;
use crate::compile::protocol_compiler::{ProtocolCompiler, Routes};
use crate::compile::tests::entry_point;
use flow_model::config::Source;
use flow_model::diagnostic::Diagnostic;
use flow_model::entry_point::Http;
use flow_model::name::Name;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;

const ENTRY_POINTS: [&str; 2] = ["database", "mail"];
const PROVIDERS: [&str; 2] = ["file", "kubernetescrd"];
const SERVER_NAMES: [&str; 3] = ["a.test", "b.test", "other.test"];

struct Compiler {
    tcp: ProtocolCompiler<Tcp>,
    routes: Option<Routes<Tcp>>,
    listing: Listing,
    diagnostics: Vec<Diagnostic>,
}

impl Compiler {
    fn new() -> Self {
        let entry_points = ENTRY_POINTS.map(|name| entry_point(name, Http::default())).into_iter().collect();
        let tcp = ProtocolCompiler::new(Tcp::new(EntryPoints::new(entry_points)));
        Self { tcp, routes: None, listing: Listing::default(), diagnostics: Vec::new() }
    }

    fn compile(&mut self, configs: &[Config]) {
        let source = |(provider, config): (&&str, &Config)| Source::new(provider, 0, Arc::new(config.clone()));
        let sources: Vec<_> = PROVIDERS.iter().zip(configs).map(source).collect();
        let (routes, mut diagnostics) =
            self.tcp.compile(&sources, self.routes.as_deref(), ENTRY_POINTS.len(), &mut self.listing);
        diagnostics.sort();
        (self.routes, self.diagnostics) = (Some(routes), diagnostics);
    }

    fn find(&self, entry_point: usize, tls: bool, server_name: &str) -> Option<&Arc<Route>> {
        let routes = &self.routes.as_ref().unwrap()[entry_point];
        let table: &Table = if tls { &routes.tls } else { &routes.plain };
        table.find(server_name)
    }

    /// The routes as connections meet them, and the report as operators see it.
    fn seen(&self) -> Vec<String> {
        let mut seen = Vec::new();
        for (entry_point, tls) in [(0, false), (0, true), (1, false), (1, true)] {
            let routes = SERVER_NAMES.iter().map(|name| self.find(entry_point, tls, name));
            seen.extend(
                routes.map(|found| format!("{:?}", found.map(|route| (&route.name, &route.service.addresses)))),
            );
        }
        seen.push(format!("{:?} {:?}", self.listing, self.diagnostics));
        seen
    }
}

/// Inserts one object or, without a value, removes it.
#[derive(Clone, Debug)]
enum Step {
    Router(usize, &'static str, Option<Router>),
    Service(usize, &'static str, Option<Service>),
}

fn router() -> impl Strategy<Value = Router> {
    let rule = select(vec!["HostSNI(`a.test`)", "HostSNI(`a.test`)", "HostSNI(`b.test`)", "HostSNI(`*`)", "Host"]);
    let service = select(vec!["s", "s", "t", "s@kubernetescrd", "none"]);
    let entry_points = select(vec![vec![], vec!["database"], vec!["mail"], vec!["mail", "none"], vec!["none"]]);
    (rule, service, entry_points, any::<bool>()).prop_map(|(rule, service, entry_points, tls)| Router {
        rule,
        service: service.into(),
        entry_points: entry_points.into_iter().map(Name::from).collect(),
        tls,
    })
}

fn service() -> impl Strategy<Value = Service> {
    select(vec![vec![], vec!["10.0.0.1:1"], vec!["10.0.0.1:1", "10.0.0.2:1"]])
        .prop_map(|addresses| Service { addresses })
}

fn step() -> impl Strategy<Value = Step> {
    let provider = || 0..PROVIDERS.len();
    prop_oneof![
        3 => (provider(), select(vec!["r1", "r2", "r3"]), proptest::option::weighted(0.8, router()))
            .prop_map(|(provider, name, router)| Step::Router(provider, name, router)),
        2 => (provider(), select(vec!["s", "t"]), proptest::option::weighted(0.8, service()))
            .prop_map(|(provider, name, service)| Step::Service(provider, name, service)),
    ]
}

fn apply(step: &Step, configs: &mut [Config]) {
    match step.clone() {
        Step::Router(provider, name, router) => put(&mut configs[provider].routers, name, router),
        Step::Service(provider, name, service) => put(&mut configs[provider].services, name, service),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn changes_lead_where_a_new_start_leads(rounds in vec(vec(step(), 1..5), 1..12)) {
        let mut configs = vec![Config::default(); PROVIDERS.len()];
        let mut compiler = Compiler::new();
        for round in rounds {
            for step in &round {
                apply(step, &mut configs);
            }
            compiler.compile(&configs);
            let mut anew = Compiler::new();
            anew.compile(&configs);
            prop_assert_eq!(compiler.seen(), anew.seen(), "{:?}", round);
            prop_assert_eq!(compiler.tcp.protocol().services.len(), anew.tcp.protocol().services.len());
        }
    }
}

#[test]
fn a_change_builds_what_it_concerns_and_the_rest_keeps_its_identity() {
    let on = |rule, service: &str| Router { rule, service: service.into(), entry_points: Vec::new(), tls: true };
    let mut configs = vec![Config::default(); PROVIDERS.len()];
    for name in ["s", "t"] {
        apply(&Step::Service(0, name, Some(Service { addresses: vec!["10.0.0.1:1"] })), &mut configs);
    }
    apply(&Step::Router(0, "a", Some(on("HostSNI(`a.test`)", "s"))), &mut configs);
    apply(&Step::Router(0, "b", Some(on("HostSNI(`b.test`)", "t"))), &mut configs);
    let mut compiler = Compiler::new();
    compiler.compile(&configs);
    assert_eq!(compiler.tcp.protocol().built, 2);
    let [a, b] = ["a.test", "b.test"].map(|name| Arc::clone(compiler.find(0, true, name).unwrap()));

    apply(&Step::Service(0, "t", Some(Service { addresses: vec!["10.0.0.2:1"] })), &mut configs);
    compiler.compile(&configs);
    assert_eq!(compiler.tcp.protocol().built, 3, "only the router of the changed service");
    assert!(Arc::ptr_eq(&a, compiler.find(0, true, "a.test").unwrap()));
    let new = compiler.find(0, true, "b.test").unwrap();
    assert_eq!(new.service.addresses, ["10.0.0.2:1"]);
    assert!(Arc::ptr_eq(&b.connections, &new.connections), "the state of a router lives on");

    compiler.compile(&configs);
    assert_eq!(compiler.tcp.protocol().built, 3, "nothing has changed");
    apply(&Step::Router(1, "a", Some(on("HostSNI(`b.test`)", "s@file"))), &mut configs);
    compiler.compile(&configs);
    let winner = &compiler.find(0, true, "b.test").unwrap().name;
    assert_eq!((&**winner, compiler.tcp.protocol().built), ("a@kubernetescrd", 5), "it, and the one that it shuts out");
}
