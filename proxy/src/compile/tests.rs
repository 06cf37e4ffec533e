#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::router::RequestView;
use crate::service::UpstreamRecord;
use crate::service::test_kit::NoFetch;
use crate::snapshot::Route;
use ::http::{HeaderMap, Request, Response};
use flow_middleware::{Body, Connection, Exchange, FailureKind, ForwardedFor, RequestContext};
use flow_model::config::{
    ClientAuth, ClientAuthType, Config, LoadBalancer, PathOrder, Router, RouterTls, Server, Service, ServiceKind,
    TlsOptions, Weighted, WeightedService, precedence,
};
use flow_model::duration::GoDuration;
use flow_model::entry_point::Http;
use flow_model::middleware::{AddPrefix, Chain, ClientTls, ErrorPage, ForwardAuth, IpAllowList, Middleware, RateLimit};
use flow_model::runtime::Status;

pub(super) fn entry_point(name: &str, http: Http) -> Arc<EntryPoint> {
    Arc::new(EntryPoint {
        has_model: http.tls.is_some() || !http.middlewares.is_empty(),
        http,
        ..EntryPoint::new(name, "127.0.0.1:0".parse().unwrap())
    })
}

struct Nobody;

#[async_trait::async_trait]
impl Internal for Nobody {
    async fn respond(&self, _: Exchange) -> Response<Body> {
        Response::new(Body::Empty)
    }
}

fn compiler(entry_points: impl IntoIterator<Item = Arc<EntryPoint>>) -> Compiler {
    Compiler::new(setup(entry_points))
}

fn setup(entry_points: impl IntoIterator<Item = Arc<EntryPoint>>) -> Setup {
    Setup {
        entry_points: entry_points.into_iter().collect(),
        rule_syntax: None,
        strict_tls_options: false,
        default_transport: ServersTransport::default(),
        proxies: Arc::default(),
        tunnels: Tunnels::new(),
        internals: vec![("noop@internal".into(), Arc::new(Nobody))],
        record_internals: RecordInternals::default(),
        metrics: None,
        checks: None,
    }
}

pub(super) fn web_and_websecure() -> Compiler {
    let tls = Http { tls: Some(RouterTls::default()), ..Http::default() };
    compiler([
        entry_point("traefik", Http::default()),
        entry_point("web", Http::default()),
        entry_point("websecure", tls),
    ])
}

fn router(rule: &str) -> Router {
    Router { rule: rule.to_owned(), service: "s".into(), ..Router::default() }
}

fn with_service(mut config: Config) -> Config {
    let balancer = LoadBalancer {
        servers: vec![Server { url: "http://10.0.0.1:80".to_owned(), ..Server::default() }],
        ..LoadBalancer::default()
    };
    let service = Service { kind: ServiceKind::LoadBalancer(balancer), middlewares: Vec::new() };
    config.services.insert("s".into(), Arc::new(service));
    config
}

fn routers(routers: impl IntoIterator<Item = (&'static str, Router)>) -> Config {
    let mut config = with_service(Config::default());
    config.routers.extend(routers.into_iter().map(|(name, router)| (Name::from(name), Arc::new(router))));
    config
}

fn source(config: Config) -> [Source; 1] {
    [Source::new("kubernetes", precedence::KUBERNETES, Arc::new(config))]
}

/// Names of the served routers, with a star at those that are not enabled.
fn names(compiled: &Compiled) -> Vec<String> {
    let mut names: Vec<_> = compiled
        .runtime
        .routers
        .iter()
        .map(|(name, info)| format!("{name}{}", if info.status == Status::Enabled { "" } else { "*" }))
        .collect();
    names.sort();
    names
}

fn routed(compiled: &Compiled, index: usize, tls: bool, host: &str, path: &str) -> Option<String> {
    let headers = HeaderMap::new();
    let view = RequestView::new(host, path, None, "GET", &headers, "127.0.0.1".parse().unwrap());
    compiled.snapshot.route(index, tls, &view).map(|route| route.name.to_string())
}

#[test]
fn a_router_is_split_over_entry_points_with_a_model() {
    let compiled = web_and_websecure().compile(&source(routers([("r", router("Host(`a.test`)"))])));
    assert_eq!(names(&compiled), ["r@kubernetes", "websecure-r@kubernetes"]);
    assert_eq!(routed(&compiled, 1, false, "a.test", "/").as_deref(), Some("r@kubernetes"));
    assert_eq!(routed(&compiled, 1, true, "a.test", "/"), None);
    assert_eq!(routed(&compiled, 2, true, "a.test", "/").as_deref(), Some("websecure-r@kubernetes"));
    assert_eq!(routed(&compiled, 0, false, "a.test", "/"), None, "traefik is no default entry point");
    let shown = &compiled.runtime.routers["websecure-r@kubernetes"].effective();
    assert_eq!((shown.priority, shown.observability.as_ref().unwrap().access_logs), (14, Some(true)));
}

#[test]
fn a_router_on_one_entry_point_with_a_model_keeps_its_name() {
    let only = Router { entry_points: vec!["websecure".into()], ..router("Host(`a.test`)") };
    assert_eq!(names(&web_and_websecure().compile(&source(routers([("r", only)])))), ["r@kubernetes"]);
}

#[test]
fn nobody_outranks_the_proxys_own_routers() {
    let ranked = |priority| Router { priority, entry_points: vec!["web".into()], ..router("Host(`a.test`)") };
    let compiled = web_and_websecure()
        .compile(&source(routers([("high", ranked(i64::MAX - 1000)), ("higher", ranked(i64::MAX))])));
    assert_eq!(names(&compiled), ["high@kubernetes", "higher@kubernetes*"]);
    assert_eq!(compiled.runtime.routers["higher@kubernetes"].status, Status::Disabled);
    assert_eq!(routed(&compiled, 1, false, "a.test", "/").as_deref(), Some("high@kubernetes"));
}

#[test]
fn a_router_of_unknown_entry_points_is_disabled_and_says_so() {
    let lost = Router { entry_points: vec!["nope".into()], ..router("Host(`a.test`)") };
    let half = Router { entry_points: vec!["nope".into(), "web".into()], ..router("Host(`b.test`)") };
    let compiled = web_and_websecure().compile(&source(routers([("lost", lost), ("half", half)])));
    assert_eq!(names(&compiled), ["half@kubernetes*", "lost@kubernetes*"]);
    let errors = |name: &str| compiled.runtime.routers[name].errors.clone();
    assert_eq!(errors("lost@kubernetes"), ["entryPoint \"nope\" doesn't exist", "no valid entryPoint for this router"]);
    assert_eq!(compiled.runtime.routers["half@kubernetes"].status, Status::Warning);
    assert!(routed(&compiled, 1, false, "b.test", "/").is_some(), "the good half is served");
}

#[test]
fn priorities_of_the_proxys_own_routers_are_not_for_users() {
    let with = |priority| Router { priority, ..router("Host(`p.test`)") };
    let (high, highest) = (i64::MAX - 999, i64::MAX - 1000);
    let compiled = web_and_websecure().compile(&source(routers([("high", with(high)), ("highest", with(highest))])));
    assert_eq!(names(&compiled)[..2], ["high@kubernetes*", "highest@kubernetes"]);
    assert_eq!(routed(&compiled, 1, false, "p.test", "/").as_deref(), Some("highest@kubernetes"));
    assert!(compiled.runtime.routers["high@kubernetes"].errors[0].contains(&highest.to_string()));
}

#[test]
fn a_priority_is_made_from_the_rule_where_an_entry_point_takes_the_router() {
    let lost = |priority| Router { entry_points: vec!["nope".into()], priority, ..router("Host(`a.test`)") };
    let compiled = web_and_websecure().compile(&source(routers([("own", lost(7)), ("none", lost(0))])));
    let priority = |name: &str| compiled.runtime.routers[name].effective().priority;
    assert_eq!((priority("own@kubernetes"), priority("none@kubernetes")), (7, 0));
    assert!(!compiled.runtime.routers["none@kubernetes"].looked_up);
}

#[test]
fn a_router_of_tls_options_that_cannot_be_used_is_disabled() {
    let tls = Some(Box::new(RouterTls { options: "o".into(), ..RouterTls::default() }));
    let with = |suite: &str| {
        let mut config = routers([("r", Router { tls: tls.clone(), ..router("Host(`a.test`)") })]);
        let options = TlsOptions { cipher_suites: vec![suite.to_owned()], ..TlsOptions::default() };
        config.tls_options.insert("o".into(), Arc::new(options));
        source(config)
    };
    let mut compiler = web_and_websecure();
    assert_eq!(names(&compiler.compile(&with("TLS_NONSENSE"))), ["r@kubernetes*", "websecure-r@kubernetes*"]);
    let mended = compiler.compile(&with("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    assert_eq!(names(&mended), ["r@kubernetes", "websecure-r@kubernetes"]);
}

#[test]
fn rules_of_the_default_syntax_are_of_version_3_also_where_others_are_not() {
    let with = |rule_syntax| Router { rule_syntax, ..router("PathRegexp(`^/x`)") };
    let config = routers([("own", with(Some(RuleSyntax::Default))), ("none", with(None))]);
    let mut setup = setup([entry_point("web", Http::default())]);
    setup.rule_syntax = Some(RuleSyntax::V2);
    assert_eq!(names(&Compiler::new(setup).compile(&source(config))), ["none@kubernetes*", "own@kubernetes"]);
}

#[test]
fn a_service_whose_middleware_is_missing_is_broken() {
    let mut config = routers([("r", router("Host(`a.test`)"))]);
    let service = Service { middlewares: vec!["gone".into()], ..Service::clone(&config.services["s"]) };
    config.services.insert("s".into(), Arc::new(service));
    let compiled = web_and_websecure().compile(&source(config));
    assert_eq!(compiled.runtime.services["s@kubernetes"].status, Status::Disabled);
    assert_eq!(names(&compiled), ["r@kubernetes*", "websecure-r@kubernetes*"]);
}

#[test]
fn tls_of_an_authentication_server_that_cannot_be_used_is_found_at_once() {
    let tls = ClientTls { cert: "no certificate".to_owned(), key: "no key".to_owned(), ..ClientTls::default() };
    let address = "https://auth.test".to_owned();
    let auth = Middleware::ForwardAuth(Box::new(ForwardAuth { address, tls: Some(tls), ..ForwardAuth::default() }));
    let mut config = routers([("r", Router { middlewares: vec!["auth".into()], ..router("Host(`a.test`)") })]);
    config.middlewares.insert("auth".into(), Arc::new(auth));
    let compiled = web_and_websecure().compile(&source(config));
    assert_eq!(names(&compiled), ["r@kubernetes*", "websecure-r@kubernetes*"]);
    assert_eq!(compiled.runtime.middlewares["auth@kubernetes"].status, Status::Disabled);
}

#[test]
fn broken_objects_disable_only_their_routers() {
    let with = |middleware: &str| Router { middlewares: vec![middleware.into()], ..router("Host(`m.test`)") };
    let mut config = routers([
        ("good", router("Host(`good.test`)")),
        ("rule", router("Host(`x`")),
        ("missing", with("nope@kubernetescrd")),
        ("invalid", with("bad")),
        ("void", with("void")),
        ("ring", with("ring")),
        ("lost", Router { service: "nope".into(), ..router("Host(`s.test`)") }),
        ("empty", Router { service: "weighted".into(), ..router("Host(`w.test`)") }),
    ]);
    config.middlewares.insert("bad".into(), Arc::new(Middleware::Invalid("two kinds at once".to_owned())));
    config.middlewares.insert("void".into(), Arc::new(Middleware::Absent("no Secret".to_owned())));
    config.middlewares.insert("ring".into(), Arc::new(Middleware::Chain(Chain { middlewares: vec!["ring".into()] })));
    let children =
        Weighted { services: vec![WeightedService { name: "gone".into(), weight: None }], ..Weighted::default() };
    let weighted = Service { kind: ServiceKind::Weighted(children), middlewares: Vec::new() };
    config.services.insert("weighted".into(), Arc::new(weighted));
    let compiled = web_and_websecure().compile(&source(config));
    let served: Vec<_> = names(&compiled).into_iter().filter(|name| !name.ends_with('*')).collect();
    assert_eq!(served, ["good@kubernetes", "websecure-good@kubernetes"]);
    let error = |name: &str| compiled.runtime.routers[name].errors.join("; ");
    assert_eq!(error("missing@kubernetes"), "middleware \"nope@kubernetescrd\" does not exist");
    assert_eq!(error("lost@kubernetes"), "the service \"nope@kubernetes\" does not exist");
    assert!(error("empty@kubernetes").contains("\"gone@kubernetes\" does not exist"));
    assert!(error("invalid@kubernetes").contains("two kinds at once"));
    assert!(error("void@kubernetes").contains("no Secret"));
    assert_eq!(compiled.runtime.middlewares["bad@kubernetes"].status, Status::Disabled);
    assert!(compiled.runtime.middlewares.get("void@kubernetes").is_none(), "nothing came of it");
    assert_eq!(compiled.runtime.services["s@kubernetes"].status, Status::Enabled);
    assert!(compiled.runtime.diagnostics.iter().any(|d| d.subject.name.contains("rule@kubernetes")));
}

#[test]
fn a_ring_of_services_is_told_alike_by_whichever_one_enters_it_and_can_be_opened() {
    let of = |name: &str| {
        let services = vec![WeightedService { name: name.into(), weight: Some(1) }];
        Arc::new(Service {
            kind: ServiceKind::Weighted(Weighted { services, ..Weighted::default() }),
            middlewares: Vec::new(),
        })
    };
    let ask = |name: &str, service: &str| {
        let router = Router { service: service.into(), ..router(&format!("Host(`{name}.test`)")) };
        (Name::from(name), Arc::new(Router { entry_points: vec!["web".into()], ..router }))
    };
    let told = |compiled: &Compiled| {
        let mut told: Vec<_> = compiled.runtime.diagnostics.iter().map(|found| found.message.clone()).collect();
        told.sort();
        told.dedup();
        told
    };
    let mut config = with_service(Config::default());
    config.services.extend([(Name::from("x"), of("y")), (Name::from("y"), of("x"))]);
    for routers in [[ask("first", "x"), ask("second", "y")], [ask("first", "y"), ask("second", "x")]] {
        let mut config = config.clone();
        config.routers.extend(routers);
        let mut compiler = web_and_websecure();
        let compiled = compiler.compile(&source(config.clone()));
        assert_eq!(told(&compiled), ["the service \"x@kubernetes\" holds itself"]);
        assert_eq!(names(&compiled), ["first@kubernetes*", "second@kubernetes*"]);
        config.services.insert("y".into(), of("s"));
        assert_eq!(names(&compiler.compile(&source(config))), ["first@kubernetes", "second@kubernetes"]);
    }
}

#[test]
fn what_did_not_change_keeps_its_identity() {
    let mut compiler = web_and_websecure();
    let limited = |path: &str| Router {
        middlewares: vec!["limit".into()],
        ..router(&format!("Host(`a.test`) && PathPrefix(`{path}`)"))
    };
    let mut config = routers([("a", limited("/a")), ("b", limited("/b"))]);
    config.middlewares.insert(
        "limit".into(),
        Arc::new(Middleware::RateLimit(Box::new(RateLimit { average: 1, ..RateLimit::default() }))),
    );
    let first = compiler.compile(&source(config.clone()));
    let find = |compiled: &Compiled, path: &str| {
        let headers = HeaderMap::new();
        let view = RequestView::new("a.test", path, None, "GET", &headers, "127.0.0.1".parse().unwrap());
        Arc::clone(compiled.snapshot.route(1, false, &view).unwrap())
    };
    config.routers.insert("b".into(), Arc::new(Router { priority: 7, ..limited("/b") }));
    let second = compiler.compile(&source(config.clone()));
    assert!(Arc::ptr_eq(&find(&first, "/a"), &find(&second, "/a")), "an untouched router");
    assert!(!Arc::ptr_eq(&find(&first, "/b"), &find(&second, "/b")));
    let step = |route: &Route| format!("{:p}", &**route.target.pipeline.chain.steps().next().unwrap());
    assert_eq!(step(&find(&first, "/b")), step(&find(&second, "/b")), "the bucket of a touched router lives on");
    config.services.get_mut("s").unwrap();
    let third = compiler.compile(&source(with_service(config)));
    assert!(!Arc::ptr_eq(&find(&second, "/a"), &find(&third, "/a")), "a new service object is taken up");
}

#[test]
fn a_conflict_is_named_after_the_copy_that_has_it() {
    let wants = |options: &str| Router {
        entry_points: vec!["web".into(), "websecure".into()],
        tls: Some(Box::new(RouterTls { options: options.into(), ..RouterTls::default() })),
        ..router("Host(`x.test`)")
    };
    let mut config = routers([("a", wants("strict")), ("b", wants("default"))]);
    config.tls_options.insert("strict".into(), Arc::new(TlsOptions::default()));
    let of_a = |name: &String| name.ends_with("a@kubernetes*");
    let found: Vec<_> = names(&web_and_websecure().compile(&source(config))).into_iter().filter(of_a).collect();
    assert_eq!(found, ["web-conflicted-a@kubernetes*", "websecure-conflicted-websecure-a@kubernetes*"]);
}

#[test]
fn tls_options_that_disagree_fall_back_and_say_so() {
    let wants = |host: &str, options: &str| Router {
        entry_points: vec!["web".into()],
        tls: Some(Box::new(RouterTls { options: options.into(), ..RouterTls::default() })),
        ..router(&format!("Host(`{host}`) && PathPrefix(`/{options}`)"))
    };
    let mut config = routers([
        ("a", wants("x.test", "strict")),
        ("b", wants("x.test", "default")),
        ("c", wants("y.test", "strict")),
        ("d", wants("z.test", "missing")),
        ("e", wants("e.test", "default@kubernetes")),
    ]);
    config.tls_options.insert("default".into(), Arc::new(TlsOptions::default()));
    config.tls_options.insert("strict".into(), Arc::new(TlsOptions::default()));
    let compiled = web_and_websecure().compile(&source(config));
    assert_eq!(
        names(&compiled),
        [
            "c@kubernetes",
            "d@kubernetes*",
            "e@kubernetes*",
            "web-conflicted-a@kubernetes*",
            "web-conflicted-b@kubernetes*"
        ]
    );
    let told = |name: &str| compiled.runtime.routers[name].errors.join("; ");
    assert!(told("web-conflicted-a@kubernetes").contains("default of router b@kubernetes on host x.test"));
    assert!(told("web-conflicted-b@kubernetes").contains("strict@kubernetes of router a@kubernetes on host x.test"));
    assert_eq!(
        compiled.runtime.routers["d@kubernetes"].errors,
        ["building router handler: unknown TLS options: missing@kubernetes"]
    );
    assert!(routed(&compiled, 1, true, "x.test", "/strict").is_some(), "served, with the default options");
}

#[test]
fn a_discount_holds_for_default_priorities_and_is_not_shown() {
    let of = |rule: &str, priority, discount| Router {
        entry_points: vec!["web".into()],
        priority,
        path: PathOrder { discount, length: 2, exact: discount == 0 },
        ..router(rule)
    };
    let config = routers([
        ("a-prefix", of("Host(`a.test`) && PathPrefix(`/x`)", 0, 6)),
        ("exact", of("Host(`a.test`) && Path(`/x`)", 0, 0)),
        ("prefix", of("Host(`b.test`) && PathPrefix(`/x`)", 0, 6)),
        ("given", of("Host(`b.test`) && PathPrefix(`/`)", 29, 6)),
    ]);
    let compiled = web_and_websecure().compile(&source(config));
    assert_eq!(routed(&compiled, 1, false, "a.test", "/x").as_deref(), Some("exact@kubernetes"));
    assert_eq!(routed(&compiled, 1, false, "a.test", "/x/y").as_deref(), Some("a-prefix@kubernetes"));
    assert_eq!(routed(&compiled, 1, false, "b.test", "/x").as_deref(), Some("given@kubernetes"));
    let shown = |name: &str| compiled.runtime.routers[name].effective().priority;
    assert_eq!((shown("a-prefix@kubernetes"), shown("exact@kubernetes")), (34, 28));
}

fn with_client_certificates() -> Arc<TlsOptions> {
    let client_auth = ClientAuth { ca_files: Vec::new(), client_auth_type: Some(ClientAuthType::RequireAnyClientCert) };
    Arc::new(TlsOptions { client_auth: Some(client_auth), ..TlsOptions::default() })
}

fn on_websecure(rule: &str, options: &str, created: i64) -> Router {
    Router {
        entry_points: vec!["websecure".into()],
        tls: Some(Box::new(RouterTls { options: options.into(), ..RouterTls::default() })),
        created,
        ..router(rule)
    }
}

#[test]
fn another_router_of_the_host_does_not_take_client_certificates_away() {
    let mut config = routers([
        ("bank", on_websecure("Host(`bank.test`)", "mtls", 1)),
        ("intruder", on_websecure("Host(`BANK.test.`) && PathPrefix(`/guest`)", "", 2)),
    ]);
    config.tls_options.insert("mtls".into(), with_client_certificates());
    let compiled = web_and_websecure().compile(&source(config.clone()));
    assert_eq!(names(&compiled), ["bank@kubernetes*", "websecure-conflicted-intruder@kubernetes*"]);
    assert_eq!(routed(&compiled, 2, true, "bank.test", "/guest").as_deref(), Some("bank@kubernetes"));
    assert_eq!(compiled.snapshot.tls.served_option(2, "bank.test").as_deref(), Some("mtls@kubernetes"));
    let told = |name: &str| compiled.runtime.routers[name].errors.join("; ");
    assert!(told("bank@kubernetes").contains("intruder@kubernetes"), "{}", told("bank@kubernetes"));
    let intruder = "websecure-conflicted-intruder@kubernetes";
    assert!(told(intruder).contains("bank@kubernetes"), "{}", told(intruder));
    assert_eq!(compiled.runtime.routers[intruder].status, Status::Disabled);
}

#[test]
fn strictly_no_router_in_a_conflict_is_served_and_others_are() {
    let mut config = routers([
        ("bank", Router { entry_points: vec![], ..on_websecure("Host(`bank.test`)", "mtls", 1) }),
        ("intruder", on_websecure("Host(`bank.test`) && PathPrefix(`/guest`)", "", 2)),
        ("hostless", on_websecure("PathPrefix(`/`)", "mtls", 3)),
        ("shop", on_websecure("Host(`shop.test`)", "mtls", 4)),
    ]);
    config.tls_options.insert("mtls".into(), with_client_certificates());
    let entry_points = ["traefik", "web", "websecure"].map(|name| entry_point(name, Http::default()));
    let mut compiler = Compiler::new(Setup { strict_tls_options: true, ..setup(entry_points) });
    let compiled = compiler.compile(&source(config));
    assert_eq!(
        names(&compiled),
        [
            "bank@kubernetes",
            "shop@kubernetes",
            "websecure-conflicted-bank@kubernetes*",
            "websecure-conflicted-hostless@kubernetes*",
            "websecure-conflicted-intruder@kubernetes*",
        ]
    );
    assert_eq!(routed(&compiled, 1, true, "bank.test", "/").as_deref(), Some("bank@kubernetes"), "no conflict there");
    assert_eq!(routed(&compiled, 2, true, "bank.test", "/guest"), None);
    assert_eq!(routed(&compiled, 2, true, "other.test", "/"), None);
}

#[test]
fn options_that_begin_to_ask_for_client_certificates_are_kept_from_then_on() {
    let mut config = routers([
        ("bank", on_websecure("Host(`bank.test`)", "own", 1)),
        ("other", on_websecure("Host(`bank.test`) && Path(`/x`)", "", 2)),
    ]);
    config.tls_options.insert("own".into(), Arc::new(TlsOptions::default()));
    let mut compiler = web_and_websecure();
    assert!(routed(&compiler.compile(&source(config.clone())), 2, true, "bank.test", "/x").is_some());
    config.tls_options.insert("own".into(), with_client_certificates());
    let compiled = compiler.compile(&source(config.clone()));
    assert_eq!(routed(&compiled, 2, true, "bank.test", "/x").as_deref(), Some("bank@kubernetes"));
    assert_eq!(compiled.snapshot.tls.served_option(2, "bank.test").as_deref(), Some("own@kubernetes"));
    config.tls_options.remove("own");
    let compiled = compiler.compile(&source(config));
    assert_eq!(routed(&compiled, 2, true, "bank.test", "/"), None, "options that are gone open nothing");
    assert_eq!(routed(&compiled, 2, true, "bank.test", "/x").as_deref(), Some("other@kubernetes"));
}

#[test]
fn client_certificates_without_a_host_to_ask_them_for_open_nothing() {
    for rule in ["PathPrefix(`/`)", "HostRegexp(`^bank`)", "Host(`*`)", "!Host(`other.test`)"] {
        let mut config = routers([("bank", on_websecure(rule, "mtls", 1))]);
        config.tls_options.insert("mtls".into(), with_client_certificates());
        let compiled = web_and_websecure().compile(&source(config));
        assert_eq!(names(&compiled), ["websecure-conflicted-bank@kubernetes*"], "{rule}");
        assert_eq!(routed(&compiled, 2, true, "bank.test", "/"), None, "{rule}");
    }
}

#[test]
fn middlewares_of_the_service_run_after_those_of_the_router() {
    let mut config = routers([("r", Router { middlewares: vec!["one".into()], ..router("Host(`a.test`)") })]);
    for name in ["one", "two"] {
        let middleware = Middleware::AddPrefix(AddPrefix { prefix: format!("/{name}") });
        config.middlewares.insert(name.into(), Arc::new(middleware));
    }
    let mut service = Service::clone(&config.services["s"]);
    service.middlewares = vec!["two".into()];
    config.services.insert("s".into(), Arc::new(service));
    let compiled = web_and_websecure().compile(&source(config));
    let headers = HeaderMap::new();
    let view = RequestView::new("a.test", "/", None, "GET", &headers, "127.0.0.1".parse().unwrap());
    assert_eq!(compiled.snapshot.route(1, false, &view).unwrap().target.pipeline.chain.steps().count(), 2);
}

/// The status of a request to `a.test`.
async fn status(compiled: &Compiled) -> u16 {
    let headers = HeaderMap::new();
    let view = RequestView::new("a.test", "/", None, "GET", &headers, "127.0.0.1".parse().unwrap());
    let route = Arc::clone(compiled.snapshot.route(1, false, &view).unwrap());
    let peer = "192.0.2.1:4000".parse().unwrap();
    let connection = Arc::new(Connection::new(peer, peer, None, "web".into()));
    let (head, ()) = Request::get("/").header("host", "a.test").body(()).unwrap().into_parts();
    let (mut exchange, mut user) = (Exchange { head, body: Body::Empty, connection, interim: None }, None);
    let mut context = RequestContext::new(&route.name, &NoFetch, ForwardedFor::Append, &mut user);
    let mut upstream = UpstreamRecord::default();
    let served = route.target.pipeline.serve(&mut exchange, &mut context, &mut upstream).await;
    served.map_or_else(
        |error| if error.failure.kind == FailureKind::NoServer { 503 } else { 500 },
        |it| it.status().as_u16(),
    )
}

#[tokio::test]
async fn middlewares_of_a_service_within_a_service_run() {
    let mut config = routers([("r", Router { service: "w".into(), ..router("Host(`a.test`)") })]);
    let inner = vec![WeightedService { name: "s".into(), weight: Some(1) }];
    let weighted = ServiceKind::Weighted(Weighted { services: inner, ..Weighted::default() });
    config.services.insert("w".into(), Arc::new(Service { kind: weighted, middlewares: Vec::new() }));
    let none = ServiceKind::LoadBalancer(LoadBalancer::default());
    config.services.insert("s".into(), Arc::new(Service { kind: none, middlewares: vec!["allowed".into()] }));
    let mut compiler = web_and_websecure();
    let mut compile = |range: Option<&str>| {
        let allowed = range.map(|range| IpAllowList { source_range: vec![range.to_owned()], ..IpAllowList::default() });
        config.middlewares.remove("allowed");
        config.middlewares.extend(allowed.map(|it| (Name::from("allowed"), Arc::new(Middleware::IpAllowList(it)))));
        compiler.compile(&source(config.clone()))
    };
    assert_eq!(status(&compile(Some("10.0.0.0/8"))).await, 403);
    assert_eq!(status(&compile(Some("192.0.2.0/24"))).await, 503, "let through to a service without servers");
    let missing = compile(None);
    assert_eq!(missing.runtime.routers["r@kubernetes"].status, Status::Disabled);
    let errors = missing.runtime.routers["r@kubernetes"].errors.join("; ");
    assert!(errors.contains("middleware \"allowed@kubernetes\" does not exist"), "{errors}");
    assert_eq!(status(&compile(Some("10.0.0.0/8"))).await, 403);
}

#[tokio::test]
async fn a_middleware_may_ask_a_service() {
    let mut config = routers([("r", Router { middlewares: vec!["pages".into()], ..router("Host(`a.test`)") })]);
    let none = |middlewares| Service { kind: ServiceKind::LoadBalancer(LoadBalancer::default()), middlewares };
    config.services.insert("s".into(), Arc::new(none(Vec::new())));
    let mut compiler = web_and_websecure();
    let mut compile = |service: &str, pages: Option<Service>| {
        let rewrites = [("503".to_owned(), 418)].into();
        let (status, service) = (vec!["503".to_owned()], service.into());
        let errors = ErrorPage { status, status_rewrites: rewrites, service, ..ErrorPage::default() };
        config.middlewares.insert("pages".into(), Arc::new(Middleware::Errors(Box::new(errors))));
        config.services.remove("p");
        config.services.extend(pages.map(|pages| (Name::from("p"), Arc::new(pages))));
        compiler.compile(&source(config.clone()))
    };
    assert_eq!(status(&compile("p", Some(none(Vec::new())))).await, 418);
    let missing = compile("p", None);
    let errors = missing.runtime.routers["r@kubernetes"].errors.join("; ");
    assert!(errors.contains("the service \"p@kubernetes\" does not exist"), "{errors}");
    assert_eq!(missing.runtime.routers["r@kubernetes"].status, Status::Disabled);
    // A service whose middleware asks the service itself.
    let ring = compile("p", Some(none(vec!["pages".into()])));
    let errors = ring.runtime.routers["r@kubernetes"].errors.join("; ");
    assert!(errors.contains("holds itself"), "{errors}");
    assert_eq!(status(&compile("p", Some(none(Vec::new())))).await, 418);
}

#[tokio::test]
async fn counters_of_a_service_outlive_a_neighbour_that_was_broken_for_a_while() {
    let mut config = routers([("r", Router { service: "w".into(), ..router("Host(`a.test`)") })]);
    let inner = vec![WeightedService { name: "s".into(), weight: Some(1) }];
    let weighted = ServiceKind::Weighted(Weighted { services: inner, ..Weighted::default() });
    config.services.insert("w".into(), Arc::new(Service { kind: weighted, middlewares: Vec::new() }));
    let none = ServiceKind::LoadBalancer(LoadBalancer::default());
    let middlewares = vec!["once".into(), "other".into()];
    config.services.insert("s".into(), Arc::new(Service { kind: none, middlewares }));
    let once = RateLimit { average: 1, period: GoDuration::from_secs(3600), ..RateLimit::default() };
    config.middlewares.insert("once".into(), Arc::new(Middleware::RateLimit(Box::new(once))));
    let mut compiler = web_and_websecure();
    let mut compile = |is_broken: bool| {
        let other = match is_broken {
            true => Middleware::Invalid("broken".to_owned()),
            false => Middleware::AddPrefix(AddPrefix { prefix: "/p".to_owned() }),
        };
        config.middlewares.insert("other".into(), Arc::new(other));
        compiler.compile(&source(config.clone()))
    };
    assert_eq!(status(&compile(false)).await, 503, "the one request an hour");
    assert_eq!(compile(true).runtime.routers["r@kubernetes"].status, Status::Disabled);
    assert_eq!(status(&compile(false)).await, 429);
}

#[tokio::test]
async fn services_may_be_nested_but_not_without_end() {
    /// A chain of so many services, each of which names the next one twice; the last is a load balancer.
    fn nested(depth: usize) -> Config {
        let mut config = routers([("r", Router { service: "n1".into(), ..router("Host(`a.test`)") })]);
        for level in 1..depth {
            let next = WeightedService { name: format!("n{}", level + 1).into(), weight: Some(1) };
            let kind = ServiceKind::Weighted(Weighted { services: vec![next.clone(), next], ..Weighted::default() });
            let service = Service { kind, middlewares: Vec::new() };
            config.services.insert(format!("n{level}").into(), Arc::new(service));
        }
        let none = ServiceKind::LoadBalancer(LoadBalancer::default());
        config.services.insert(format!("n{depth}").into(), Arc::new(Service { kind: none, middlewares: Vec::new() }));
        config
    }
    let mut compiler = web_and_websecure();
    assert_eq!(status(&compiler.compile(&source(nested(64)))).await, 503, "the one at the end has no server");
    for depth in [65, 5_000] {
        let mut config = nested(depth);
        let near = Router { service: format!("n{}", depth - 10).into(), ..router("Host(`near.test`)") };
        config.routers.insert("near".into(), Arc::new(near));
        let compiled = compiler.compile(&source(config));
        let errors = compiled.runtime.routers["r@kubernetes"].errors.join("; ");
        assert!(errors.contains("more than 64 services are nested"), "{errors}");
        assert_eq!(compiled.runtime.routers["near@kubernetes"].status, Status::Enabled, "a shorter way to the same");
    }
}
