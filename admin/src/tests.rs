#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use flow_model::config::{Cookie, LoadBalancer, Router, Server, Service, ServiceKind, Sticky};
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::middleware::{AddPrefix, Chain, Middleware};
use flow_model::name::Name;
use flow_model::runtime::{Inherited, MiddlewareInfo, RouterInfo, ServerStates, ServiceInfo, Status};
use http::Request;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
struct Fixed {
    runtime: Runtime,
    waiting: bool,
    stopping: AtomicBool,
}

impl Source for Fixed {
    fn runtime(&self) -> Arc<Runtime> {
        Arc::new(self.runtime.clone())
    }
    fn metrics(&self) -> Option<String> {
        Some("up 1\n".to_owned())
    }
    fn readiness(&self) -> Readiness {
        Readiness { waiting_for: if self.waiting { vec!["Kubernetes".to_owned()] } else { Vec::new() } }
    }
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

fn admin(routers: usize) -> Admin<Fixed> {
    let mut fixed = Fixed::default();
    for i in 0..routers {
        let router = Router {
            service: "default-web-80".into(),
            rule: format!("Host(\"h{i}.test\")"),
            middlewares: vec!["default-a@kubernetescrd".into()],
            priority: i64::try_from(i).unwrap() + 1,
            ..Router::default()
        };
        let status = if i == 1 { Status::Disabled } else { Status::Enabled };
        let inherited = Arc::new(Inherited { using: vec!["web".into()], ..Inherited::default() });
        let info = RouterInfo { router: Arc::new(router), inherited, status, errors: Vec::new(), looked_up: true };
        fixed.runtime.routers.insert(format!("r{i:03}@kubernetes").into(), Arc::new(info));
    }
    let balancer = LoadBalancer {
        servers: vec![Server { url: "http://10.0.0.1:80".to_owned(), ..Server::default() }],
        sticky: Some(Box::new(Sticky { cookie: Some(Cookie::default()) })),
        ..LoadBalancer::default()
    };
    let service = Arc::new(Service { kind: ServiceKind::LoadBalancer(balancer), middlewares: Vec::new() });
    let info = ServiceInfo { service, status: Status::Enabled, errors: Vec::new() };
    fixed.runtime.services.insert("default-web-80@kubernetes".into(), Arc::new(info));
    let middleware = Arc::new(Middleware::AddPrefix(AddPrefix { prefix: "/a".to_owned() }));
    let info = MiddlewareInfo { middleware, status: Status::Enabled, errors: Vec::new() };
    fixed.runtime.middlewares.insert("default-a@kubernetescrd".into(), Arc::new(info));
    let middleware = Arc::new(Middleware::Invalid("two kinds".to_owned()));
    let info = MiddlewareInfo { middleware, status: Status::Disabled, errors: vec!["two kinds".to_owned()] };
    fixed.runtime.middlewares.insert("default-b@kubernetescrd".into(), Arc::new(info));
    fixed
        .runtime
        .diagnostics
        .push(Diagnostic::error(Subject::new("Ingress", "default", "x"), "its rule does not parse"));
    let facts = Facts {
        base_path: String::new(),
        dashboard_name: "a <b>".to_owned(),
        entry_points: serde_json::Map::from_iter([("web".to_owned(), serde_json::json!({ "address": ":80" }))]),
        providers: vec!["KubernetesIngress"],
        metrics: true,
        access_log: false,
        version: "1.2.3",
        started: "2026-01-01T00:00:00Z".to_owned(),
        terminating_status: 503,
    };
    Admin::new(facts, fixed)
}

fn ask(admin: &Admin<Fixed>, part: Part, target: &str) -> Response<Bytes> {
    admin.respond(part, &Request::get(target).body(()).unwrap().into_parts().0)
}

fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn rawdata_is_traefiks() {
    let raw = json(&ask(&admin(1), Part::Api, "/api/rawdata"));
    let router = &raw["routers"]["r000@kubernetes"];
    assert_eq!(router["status"], "enabled");
    assert_eq!(router["using"], serde_json::json!(["web"]));
    assert!(router.get("provider").is_none());
    let service = &raw["services"]["default-web-80@kubernetes"];
    assert_eq!(service["loadBalancer"]["responseForwarding"]["flushInterval"], "100ms");
    assert_eq!(service["serverStatus"]["http://10.0.0.1:80"], "UP");
    assert_eq!(service["usedBy"], serde_json::json!(["r000@kubernetes"]));
    assert_eq!(raw["middlewares"]["default-a@kubernetescrd"]["addPrefix"]["prefix"], "/a");
    let broken = serde_json::json!({ "status": "disabled", "error": ["two kinds"] });
    assert_eq!(raw["middlewares"]["default-b@kubernetescrd"], broken);
}

/// As in Traefik, names that were looked up are shown qualified.
#[test]
fn names_in_use_are_shown_in_full() {
    let mut admin = admin(2);
    let chain = |members: &[&str]| {
        let chain = Chain { middlewares: members.iter().map(|member| Name::from(*member)).collect() };
        let middleware = Arc::new(Middleware::Chain(chain));
        Arc::new(MiddlewareInfo { middleware, status: Status::Enabled, errors: Vec::new() })
    };
    let runtime = &mut admin.source.runtime;
    runtime.middlewares.insert("outer@kubernetes".into(), chain(&["before", "x@file", "inner"]));
    runtime.middlewares.insert("inner@kubernetes".into(), chain(&["leaf", "outer"]));
    runtime.middlewares.insert("before@kubernetes".into(), chain(&["leaf"]));
    runtime.middlewares.insert("unused@kubernetes".into(), chain(&["leaf"]));
    for (name, looked_up) in [("r000@kubernetes", true), ("r001@kubernetes", false)] {
        let mut info = RouterInfo::clone(&runtime.routers[name]);
        let router = Router { middlewares: vec!["outer".into()], service: "used".into(), ..Router::default() };
        (info.router, info.looked_up) = (Arc::new(router), looked_up);
        runtime.routers.insert(name.into(), Arc::new(info));
    }
    let service = ServiceInfo::clone(&runtime.services["default-web-80@kubernetes"]);
    let ServiceKind::LoadBalancer(mut balancer) = service.service.kind.clone() else { panic!("a load balancer") };
    balancer.servers_transport = "t".into();
    let used = Service { kind: ServiceKind::LoadBalancer(balancer), middlewares: Vec::new() };
    runtime.services.insert("used@kubernetes".into(), Arc::new(ServiceInfo { service: Arc::new(used), ..service }));

    /// The server of one service is down.
    #[derive(Debug)]
    struct OneDown;
    impl ServerStates for OneDown {
        fn servers(&self, service: &str) -> Vec<(String, bool)> {
            let is_up = service != "used@kubernetes";
            vec![("http://10.0.0.1:80".to_owned(), is_up), ("http://10.0.0.9:80".to_owned(), false)]
        }
    }
    runtime.servers = Some(Arc::new(OneDown));

    let raw = json(&ask(&admin, Part::Api, "/api/rawdata"));
    let states = |name: &str| raw["services"][name]["serverStatus"].clone();
    assert_eq!(states("used@kubernetes"), serde_json::json!({ "http://10.0.0.1:80": "DOWN" }));
    assert_eq!(states("default-web-80@kubernetes"), serde_json::json!({ "http://10.0.0.1:80": "UP" }));
    let chained = |name: &str| raw["middlewares"][name]["chain"]["middlewares"].clone();
    assert_eq!(raw["routers"]["r000@kubernetes"]["middlewares"], serde_json::json!(["outer@kubernetes"]));
    assert_eq!(
        raw["routers"]["r001@kubernetes"]["middlewares"],
        serde_json::json!(["outer"]),
        "nothing was looked for"
    );
    assert_eq!(chained("outer@kubernetes"), serde_json::json!(["before@kubernetes", "x@file", "inner@kubernetes"]));
    assert_eq!(chained("inner@kubernetes"), serde_json::json!(["leaf@kubernetes", "outer@kubernetes"]));
    // The last one is made first, and what cannot be made ends it.
    assert_eq!(chained("before@kubernetes"), serde_json::json!(["leaf"]));
    assert_eq!(chained("unused@kubernetes"), serde_json::json!(["leaf"]));
    let balancer = |name: &str| raw["services"][name]["loadBalancer"].clone();
    assert_eq!(balancer("used@kubernetes")["serversTransport"], "t@kubernetes");
    assert_eq!(balancer("used@kubernetes")["sticky"]["cookie"]["name"], "_cfa9d");
    assert_eq!(balancer("default-web-80@kubernetes")["sticky"]["cookie"]["name"], Value::Null);
}

#[test]
fn lists_come_in_pages() {
    let admin = admin(150);
    let first = ask(&admin, Part::Api, "/api/http/routers");
    assert_eq!(first.headers()["x-next-page"], "2");
    assert_eq!(json(&first).as_array().unwrap().len(), 100);
    let second = ask(&admin, Part::Api, "/api/http/routers?page=2");
    assert_eq!(second.headers()["x-next-page"], "1");
    assert_eq!(json(&second)[49]["name"], "r149@kubernetes");
    for bad in ["page=3", "page=0", "per_page=x"] {
        assert_eq!(ask(&admin, Part::Api, &format!("/api/http/routers?{bad}")).status(), 400, "{bad}");
    }
}

#[test]
fn lists_are_searched_filtered_and_sorted() {
    let admin = admin(12);
    let names = |query: &str| -> Vec<String> {
        let list = json(&ask(&admin, Part::Api, &format!("/api/http/routers?{query}")));
        list.as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("search=H11"), ["r011@kubernetes"]);
    assert_eq!(names("status=disabled"), ["r001@kubernetes"]);
    assert_eq!(names("sortBy=priority&direction=desc")[0], "r011@kubernetes");
    assert!(names("serviceName=other").is_empty());
    assert_eq!(names("serviceName=default-web-80").len(), 12);
    assert_eq!(names("serviceName=default-web-80@kubernetes").len(), 12);
    assert_eq!(names("middlewareName=default-a@kubernetescrd").len(), 12);
}

#[test]
fn single_objects_and_what_is_not_there() {
    let admin = admin(1);
    let service = json(&ask(&admin, Part::Api, "/api/http/services/default-web-80%40kubernetes"));
    assert_eq!((&service["type"], &service["provider"]), (&"loadbalancer".into(), &"kubernetes".into()));
    let middleware = json(&ask(&admin, Part::Api, "/api/http/middlewares/default-a@kubernetescrd"));
    assert_eq!(middleware["type"], "addprefix");
    let missing = ask(&admin, Part::Api, "/api/http/routers/nope");
    assert_eq!((missing.status().as_u16(), &json(&missing)["message"]), (404, &"router not found: nope".into()));
    assert_eq!(ask(&admin, Part::Api, "/api/nope").status(), 404);
    assert_eq!(json(&ask(&admin, Part::Api, "/api/entrypoints/web"))["address"], ":80");
}

#[test]
fn the_overview_counts() {
    let overview = json(&ask(&admin(3), Part::Api, "/api/overview"));
    assert_eq!(overview["http"]["routers"], serde_json::json!({ "total": 3, "warnings": 0, "errors": 1 }));
    assert_eq!(overview["features"]["metrics"], "Prometheus");
    assert_eq!(json(&ask(&admin(0), Part::Api, "/api/version"))["Version"], "1.2.3");
    assert_eq!(json(&ask(&admin(0), Part::Api, "/api/diagnostics"))[0]["subject"]["kind"], "Ingress");
}

#[test]
fn health_says_what_is_waited_for() {
    let mut admin = admin(0);
    assert_eq!(ask(&admin, Part::Ping, "/ping").body(), "OK");
    assert_eq!(ask(&admin, Part::Ready, "/ready").status(), 200);
    admin.source.waiting = true;
    let waiting = ask(&admin, Part::Ready, "/ready");
    assert_eq!((waiting.status().as_u16(), &json(&waiting)["waitingFor"][0]), (503, &"Kubernetes".into()));
    admin.source.stopping.store(true, Ordering::Relaxed);
    assert_eq!(ask(&admin, Part::Ping, "/ping").status(), 503);
}

#[test]
fn the_dashboard_is_served_with_its_title_escaped() {
    let admin = admin(0);
    assert_eq!(ask(&admin, Part::Dashboard, "/").headers()["location"], "/dashboard/");
    let page = ask(&admin, Part::Dashboard, "/dashboard/");
    assert!(std::str::from_utf8(page.body()).unwrap().contains("<title>a &lt;b&gt;</title>"));
    let text = std::str::from_utf8(page.body()).unwrap();
    let named: Vec<_> = text
        .split(['"', '\''])
        .filter(|part| part.rsplit_once('.').is_some_and(|(_, end)| matches!(end, "js" | "css" | "svg")))
        .collect();
    assert_eq!(named, ["icon.svg", "style.css", "app.js"], "what the page names");
    for file in named {
        assert_eq!(ask(&admin, Part::Dashboard, &format!("/dashboard/{file}")).status(), 200, "{file}");
    }
    assert_eq!(ask(&admin, Part::Dashboard, "/favicon.ico").headers()["content-type"], "image/svg+xml");
    assert_eq!(ask(&admin, Part::Dashboard, "/dashboard/../secret").status(), 404);
    let post = Request::post("/api/rawdata").body(()).unwrap().into_parts().0;
    assert_eq!(admin.respond(Part::Api, &post).status(), 405);
}
