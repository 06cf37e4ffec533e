//! Routers of the proxy's own, of the provider `internal`: API, dashboard, metrics, health, and the redirections of
//! entry points.

use super::state::State;
use crate::settings::{INTERNAL as TRAEFIK, Settings};
use flow_admin::{Admin, Part};
use flow_middleware::response::status_text;
use flow_middleware::{Body, Exchange};
use flow_model::config::{Config, Router};
use flow_model::entry_point::EntryPoint;
use flow_model::middleware::{Middleware, RedirectScheme};
use flow_model::name::Name;
use http::{Response, StatusCode};
use proxy::service::Internal;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// The highest priority of internal routers (Traefik's `MaxInt`); users' stay far below.
const MAX_PRIORITY: i64 = i64::MAX;

/// Routers and middlewares of the provider `internal`.
pub(super) fn config(settings: &Settings, entry_points: &[Arc<EntryPoint>]) -> Config {
    let mut config = Config::default();
    for entry_point in entry_points {
        redirection(&mut config, entry_point);
    }
    let mut add = |name: &str, entry_point: &str, rule: String, service: &str, priority: i64| {
        let router = Router {
            entry_points: vec![entry_point.into()],
            service: service.into(),
            rule,
            priority,
            ..Router::default()
        };
        config.routers.insert(name.into(), Arc::new(router));
    };
    if let Some(api) = settings.api.as_ref().filter(|api| api.insecure) {
        let base = api.base_path.trim_end_matches('/');
        add("api", TRAEFIK, format!("PathPrefix(`{base}/api`)"), "api@internal", MAX_PRIORITY - 1);
        if api.dashboard {
            let rule = if base.is_empty() { "PathPrefix(`/`)".to_owned() } else { format!("PathPrefix(`{base}`)") };
            add("dashboard", TRAEFIK, rule, "dashboard@internal", MAX_PRIORITY - 2);
        }
    }
    if let Some(ping) = settings.ping.as_ref().filter(|ping| !ping.manual_routing) {
        add("ping", &ping.entry_point, "PathPrefix(`/ping`)".to_owned(), "ping@internal", MAX_PRIORITY);
    }
    for entry_point in readiness(settings) {
        add(&format!("ready-{entry_point}"), entry_point, "Path(`/ready`)".to_owned(), "ready@internal", MAX_PRIORITY);
    }
    if let Some(prometheus) = settings.metrics.prometheus.as_ref().filter(|p| !p.manual_routing) {
        let rule = "PathPrefix(`/metrics`)".to_owned();
        add("prometheus", &prometheus.entry_point, rule, "prometheus@internal", MAX_PRIORITY);
    }
    config
}

/// The entry points that serve `/ready`: those of the insecure API and of ping.
fn readiness(settings: &Settings) -> Vec<&str> {
    let api = settings.api.as_ref().filter(|api| api.insecure).map(|_| TRAEFIK);
    let ping = settings.ping.as_ref().map(|ping| ping.entry_point.as_str()).filter(|ping| Some(*ping) != api);
    api.into_iter().chain(ping).collect()
}

/// Adds the redirection of a whole entry point (`http.redirections.entryPoint`), under Traefik's names.
fn redirection(config: &mut Config, entry_point: &EntryPoint) {
    let Some(redirection) = &entry_point.http.redirection else { return };
    let name = format!("{}-to-{}", entry_point.name, redirection.to);
    let middleware = Name::from(format!("redirect-{name}"));
    let bypass = if entry_point.allow_acme_bypass { " && !PathPrefix(`/.well-known/acme-challenge/`)" } else { "" };
    let router = Router {
        entry_points: vec![Arc::clone(&entry_point.name)],
        middlewares: vec![Arc::clone(&middleware)],
        service: "noop@internal".into(),
        rule: format!("HostRegexp(`^.+$`){bypass}"),
        priority: redirection.priority,
        ..Router::default()
    };
    config.routers.insert(name.into(), Arc::new(router));
    let redirect = RedirectScheme {
        scheme: redirection.scheme.clone(),
        port: redirection.port.to_string(),
        permanent: redirection.permanent,
    };
    config.middlewares.insert(middleware, Arc::new(Middleware::RedirectScheme(redirect)));
}

/// The services of the internal routers.
pub(super) fn services(
    admin: &Arc<Admin<State>>,
    state: &State,
    background: &Handle,
) -> Vec<(Name, Arc<dyn Internal>)> {
    let parts = [
        ("api@internal", Part::Api),
        ("dashboard@internal", Part::Dashboard),
        ("ping@internal", Part::Ping),
        ("prometheus@internal", Part::Metrics),
        ("ready@internal", Part::Ready),
    ];
    let mut services: Vec<(Name, Arc<dyn Internal>)> = parts
        .into_iter()
        .map(|(name, part)| {
            let service =
                AdminService { admin: Arc::clone(admin), state: state.clone(), part, background: background.clone() };
            (Name::from(name), Arc::new(service) as Arc<dyn Internal>)
        })
        .collect();
    services.push((Name::from("noop@internal"), Arc::new(Noop)));
    services
}

/// The longest that requests to the API wait for the first configuration after the start.
const FIRST_CONFIGURATION_TIMEOUT: Duration = Duration::from_secs(5);

struct AdminService {
    admin: Arc<Admin<State>>,
    state: State,
    part: Part,
    background: Handle,
}

#[async_trait::async_trait]
impl Internal for AdminService {
    /// The API's responses are written on the background runtime: lists of ten thousand routers would hold up a worker.
    async fn respond(&self, exchange: Exchange) -> Response<Body> {
        let response = match self.part {
            Part::Ping | Part::Ready => self.admin.respond(self.part, &exchange.head),
            part => {
                if part == Part::Api {
                    self.state.served_within(FIRST_CONFIGURATION_TIMEOUT).await;
                }
                let admin = Arc::clone(&self.admin);
                match self.background.spawn_blocking(move || admin.respond(part, &exchange.head)).await {
                    Ok(response) => response,
                    Err(_) => return status_text(StatusCode::INTERNAL_SERVER_ERROR),
                }
            }
        };
        response.map(Body::from)
    }
}

/// The service of routers that redirect; never reached.
struct Noop;

#[async_trait::async_trait]
impl Internal for Noop {
    async fn respond(&self, _: Exchange) -> Response<Body> {
        status_text(StatusCode::IM_A_TEAPOT)
    }
}
