//! Property test: a configuration that grew by changes equals one compiled at once.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::tests::web_and_websecure;
use super::{Compiled, Source};
use crate::router::RequestView;
use flow_model::config::{
    ClientAuth, ClientAuthType, Config, LoadBalancer, Objects, Router, RouterTls, Server, ServersTransport, Service,
    ServiceKind, TlsOptions, Weighted, WeightedService,
};
use flow_model::middleware::{AddPrefix, Chain, Middleware};
use flow_model::name::Name;
use http::HeaderMap;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOSTS: &[&str] = &["a.test", "b.test", "c.test"];
const PROVIDERS: &[&str] = &["kubernetes", "kubernetescrd"];

/// Inserts one object or, without a value, removes it.
#[derive(Clone, Debug)]
enum Step {
    Router(usize, &'static str, Option<Router>),
    Service(usize, &'static str, Option<Service>),
    Middleware(usize, &'static str, Option<Middleware>),
    Transport(usize, bool),
    Options(usize, &'static str, Option<TlsOptions>),
}

fn router() -> impl Strategy<Value = Router> {
    let rule = (select(HOSTS), select(vec!["", " && PathPrefix(`/p`)", " && Path(`/p`)", " && ("]));
    let rule = prop_oneof![
        9 => rule.prop_map(|(host, more)| format!("Host(`{host}`){more}")),
        1 => Just("PathPrefix(`/p`)".to_owned()),
    ];
    let entry_points =
        select(vec![vec![], vec![], vec!["web"], vec!["websecure"], vec!["web", "traefik"], vec!["none"]]);
    let middlewares = vec(select(vec!["m", "n", "ring", "m@kubernetescrd"]), 0..3);
    let service = select(vec!["s", "s", "t", "w", "s@kubernetescrd", "none", "", ""]);
    let parents = vec(select(vec!["r1", "r2", "r3", "r4@kubernetescrd", "none"]), 0..3);
    let parents = prop_oneof![2 => Just(Vec::new()), 1 => parents];
    let options = select(vec![None, None, None, Some(""), Some("strict"), Some("strict@kubernetescrd")]);
    (rule, entry_points, middlewares, service, options, 0_i64..3, 0_i64..3, parents).prop_map(
        |(rule, entry_points, middlewares, service, options, priority, created, parents)| Router {
            rule,
            entry_points: entry_points.into_iter().map(Name::from).collect(),
            middlewares: middlewares.into_iter().map(Name::from).collect(),
            service: service.into(),
            tls: options.map(|options| Box::new(RouterTls { options: options.into(), ..RouterTls::default() })),
            priority,
            created,
            parent_refs: parents.into_iter().map(Name::from).collect(),
            ..Router::default()
        },
    )
}

fn service() -> impl Strategy<Value = Service> {
    let balancer = (select(vec!["http://10.0.0.1", "http://10.0.0.2", "ftp://x"]), select(vec!["", "", "slow"]));
    let balancer = balancer.prop_map(|(url, transport)| {
        let servers = vec![Server { url: url.to_owned(), ..Server::default() }];
        ServiceKind::LoadBalancer(LoadBalancer { servers, servers_transport: transport.into(), ..Default::default() })
    });
    let weighted = select(vec!["s", "t", "w", "none"]).prop_map(|name| {
        let services = vec![WeightedService { name: name.into(), weight: Some(1) }];
        ServiceKind::Weighted(Weighted { services, ..Weighted::default() })
    });
    let middlewares = select(vec![vec![], vec![], vec!["m"]]);
    (prop_oneof![3 => balancer, 1 => weighted], middlewares).prop_map(|(kind, middlewares)| Service {
        kind,
        middlewares: middlewares.into_iter().map(Name::from).collect(),
    })
}

fn middleware() -> impl Strategy<Value = Middleware> {
    prop_oneof![
        select(vec!["/x", "/y"]).prop_map(|prefix| Middleware::AddPrefix(AddPrefix { prefix: prefix.to_owned() })),
        select(vec!["m", "n", "ring"]).prop_map(|name| Middleware::Chain(Chain { middlewares: vec![name.into()] })),
        Just(Middleware::Invalid("two kinds at once".to_owned())),
    ]
}

fn options() -> impl Strategy<Value = TlsOptions> {
    let kind = select(vec![ClientAuthType::NoClientCert, ClientAuthType::RequireAnyClientCert]);
    kind.prop_map(|kind| TlsOptions {
        client_auth: Some(ClientAuth { ca_files: Vec::new(), client_auth_type: Some(kind) }),
        ..TlsOptions::default()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let provider = || 0..PROVIDERS.len();
    prop_oneof![
        6 => (provider(), select(vec!["r1", "r2", "r3", "r4"]), proptest::option::weighted(0.8, router()))
            .prop_map(|(provider, name, router)| Step::Router(provider, name, router)),
        3 => (provider(), select(vec!["s", "t", "w"]), proptest::option::weighted(0.8, service()))
            .prop_map(|(provider, name, service)| Step::Service(provider, name, service)),
        2 => (provider(), select(vec!["m", "n", "ring"]), proptest::option::weighted(0.8, middleware()))
            .prop_map(|(provider, name, middleware)| Step::Middleware(provider, name, middleware)),
        1 => (provider(), any::<bool>()).prop_map(|(provider, there)| Step::Transport(provider, there)),
        1 => (provider(), select(vec!["strict", "default"]), proptest::option::of(options()))
            .prop_map(|(provider, name, options)| Step::Options(provider, name, options)),
    ]
}

pub(super) fn put<T>(objects: &mut Objects<T>, name: &'static str, value: Option<T>) {
    match value {
        Some(value) => objects.insert(name.into(), Arc::new(value)),
        None => objects.remove(name),
    };
}

fn apply(step: &Step, configs: &mut [Config]) {
    match step.clone() {
        Step::Router(provider, name, value) => put(&mut configs[provider].routers, name, value),
        Step::Service(provider, name, value) => put(&mut configs[provider].services, name, value),
        Step::Middleware(provider, name, value) => put(&mut configs[provider].middlewares, name, value),
        Step::Transport(provider, there) => {
            put(&mut configs[provider].servers_transports, "slow", there.then(ServersTransport::default));
        }
        Step::Options(provider, name, options) => put(&mut configs[provider].tls_options, name, options),
    }
}

fn sources(configs: &[Config]) -> Vec<Source> {
    let source = |((precedence, provider), config): ((u32, &&str), &Config)| {
        Source::new(provider, precedence, Arc::new(config.clone()))
    };
    (1..).zip(PROVIDERS).zip(configs).map(source).collect()
}

/// The configuration as operators see it.
fn shown(compiled: &Compiled) -> Vec<String> {
    fn all<T: Serialize>(objects: &Objects<T>) -> Vec<String> {
        let sorted: BTreeMap<_, _> = objects.iter().collect();
        sorted
            .into_iter()
            .map(|(name, object)| format!("{name} {}", serde_json::to_string(&**object).unwrap()))
            .collect()
    }
    let runtime = &compiled.runtime;
    let mut lines = all(&runtime.routers);
    lines.extend(all(&runtime.resolving));
    lines.extend(all(&runtime.services));
    lines.extend(all(&runtime.middlewares));
    lines.extend(runtime.diagnostics.iter().map(|diagnostic| format!("{diagnostic:?}")));
    lines
}

/// The configuration as requests meet it.
fn answers(compiled: &Compiled) -> Vec<String> {
    let headers = HeaderMap::new();
    let mut answers = Vec::new();
    for (index, tls, host, path) in (0..3).flat_map(|index| {
        let hosts = HOSTS.iter().chain(&["other.test"]);
        hosts.flat_map(move |host| {
            [false, true].into_iter().flat_map(move |tls| ["/", "/p", "/p/q"].map(|path| (index, tls, host, path)))
        })
    }) {
        let client = "192.0.2.1".parse().unwrap();
        let request = RequestView::new(host, path, None, "GET", &headers, client);
        let route = compiled.snapshot.route(index, tls, &request);
        answers.push(route.map_or_else(String::new, |route| {
            let target = &route.target;
            let mut way = format!("{} {} {}", route.name, target.service, target.tls_options);
            let mut pipeline = &target.pipeline;
            loop {
                way += &format!(" {}", pipeline.chain.steps().count());
                let Some((inner, below)) = pipeline.routers().and_then(|routers| routers.find(&request)) else {
                    return way;
                };
                way += &format!(" -> {} {}", inner.name, inner.service);
                pipeline = below;
            }
        }));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn changes_lead_where_a_new_start_leads(rounds in vec(vec(step(), 1..6), 1..12)) {
        let mut configs = vec![Config::default(); PROVIDERS.len()];
        let mut compiler = web_and_websecure();
        for round in rounds {
            for step in &round {
                apply(step, &mut configs);
            }
            let sources = sources(&configs);
            let changed = compiler.compile(&sources);
            let anew = web_and_websecure().compile(&sources);
            prop_assert_eq!(shown(&changed), shown(&anew), "{:?}", round);
            prop_assert_eq!(answers(&changed), answers(&anew), "{:?}", round);
        }
    }
}
