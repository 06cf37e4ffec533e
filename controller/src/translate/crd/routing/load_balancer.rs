//! The load balancer of a port of a Service.

use super::services::Services;
use crate::crd::service as crd;
use crate::translate::crd::reference::{self, Refused};
use crate::translate::servers::{self, Addresses, Limits};
use crate::view::ObjectKey;
use crate::view::ingress::BackendPort;
use crate::view::service::{ServicePort, ServiceType};
use flow_model::config::{
    Cookie, HealthCheck, HealthCheckMode, LoadBalancer, PassiveHealthCheck, ResponseForwarding, Service, ServiceKind,
    Sticky, Strategy,
};
use flow_model::duration::InvalidDuration;

/// The reason why a service cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unbuilt {
    #[error(transparent)]
    Servers(#[from] servers::Unserved),
    #[error(transparent)]
    Reference(#[from] Refused),
    #[error("a port of Service {0} must be named")]
    NoPort(ObjectKey),
    #[error("{0} names a provider, so it is no Service: write kind: TraefikService")]
    NoService(Box<str>),
    #[error("there is no scheme {0:?}: write http, https or h2c")]
    Scheme(Box<str>),
    #[error(
        "Service {0}: healthCheck is for those of the type ExternalName: the endpoints of others are as Kubernetes sees them"
    )]
    HealthCheck(ObjectKey),
    #[error("healthCheck: there is no mode {0:?}: write http or grpc")]
    HealthCheckMode(String),
    #[error("responseForwarding.flushInterval: {0}")]
    FlushInterval(InvalidDuration),
}

/// Returns the load balancer that a reference to a Service stands for, with the Service and its port.
pub(super) fn build(
    spec: &crd::LoadBalancerSpec,
    with: &mut Services<'_>,
) -> Result<((ObjectKey, BackendPort), Service), Unbuilt> {
    if spec.name.contains('@') {
        return Err(Unbuilt::NoService(spec.name.clone()));
    }
    let namespace = reference::namespace_of(&spec.name, &spec.namespace, with.from, with.options)?;
    let key = ObjectKey::new(namespace, &spec.name);
    with.reads.services.push(key.clone());
    let wanted = match &spec.port {
        None | Some(crd::Port::Number(0)) => return Err(Unbuilt::NoPort(key)),
        Some(crd::Port::Name(name)) if name.is_empty() => return Err(Unbuilt::NoPort(key)),
        Some(crd::Port::Number(number)) => BackendPort::Number(*number),
        Some(crd::Port::Name(name)) => BackendPort::Name(name.clone()),
    };
    let load_balancer = LoadBalancer {
        servers: servers(spec, &key, &wanted, with)?,
        strategy: strategy(spec, &mut with.warnings),
        sticky: spec.sticky.as_deref().and_then(sticky).map(Box::new),
        health_check: spec.health_check.as_deref().map(health_check).transpose()?.map(Box::new),
        passive_health_check: spec.passive_health_check.as_ref().map(|check| Box::new(passive_health_check(check))),
        pass_host_header: spec.pass_host_header.unwrap_or(true),
        response_forwarding: response_forwarding(spec)?,
        servers_transport: reference::servers_transport(&spec.servers_transport, namespace, with.from, with.options)?,
    };
    let middlewares = reference::middlewares(&spec.middlewares, with.from, with.options)?;
    Ok(((key, wanted), Service { kind: ServiceKind::LoadBalancer(load_balancer), middlewares }))
}

fn servers(
    spec: &crd::LoadBalancerSpec,
    key: &ObjectKey,
    wanted: &BackendPort,
    with: &mut Services<'_>,
) -> Result<Vec<flow_model::config::Server>, Unbuilt> {
    let service = with.view.service(key).ok_or_else(|| servers::Unserved::NoService(key.clone()))?;
    let external = service.kind == ServiceType::ExternalName;
    let limits = Limits {
        allow_empty: with.options.allow_empty_services,
        allow_external_name: with.options.allow_external_name_services,
        no_nodes: with.options.disable_cluster_scope_resources,
    };
    let unlisted;
    let port = match (servers::port(service, wanted, limits), wanted) {
        // As in Traefik, a Service that is a name need not list its ports.
        (Err(servers::Unserved::NoPort(..)), BackendPort::Number(number)) if external => {
            unlisted = ServicePort { name: Box::default(), port: *number, node_port: 0, protocol: "TCP".into() };
            &unlisted
        }
        (port, _) => port?,
    };
    if !external && spec.health_check.is_some() {
        return Err(Unbuilt::HealthCheck(key.clone()));
    }
    let scheme = match &*spec.scheme {
        "" => servers::scheme_of(port),
        "http" | "https" | "h2c" => &*spec.scheme,
        _ => return Err(Unbuilt::Scheme(spec.scheme.clone())),
    };
    let addresses = if spec.native_lb.unwrap_or(with.native_by_default) {
        Addresses::Native
    } else if spec.node_port_lb && service.kind == ServiceType::NodePort {
        Addresses::Nodes
    } else {
        Addresses::Endpoints
    };
    with.reads.nodes |= addresses == Addresses::Nodes;
    Ok(servers::servers(with.view, service, (port, wanted), scheme, addresses, limits)?)
}

fn strategy(spec: &crd::LoadBalancerSpec, warnings: &mut Vec<String>) -> Strategy {
    match spec.strategy {
        None | Some(crd::Strategy::Wrr) => Strategy::Wrr,
        Some(crd::Strategy::RoundRobin) => {
            warnings.push("the strategy RoundRobin is deprecated: write wrr".to_owned());
            Strategy::Wrr
        }
        Some(crd::Strategy::P2c) => Strategy::P2c,
        Some(crd::Strategy::Hrw) => Strategy::Hrw,
        Some(crd::Strategy::LeastTime) => Strategy::LeastTime,
    }
}

/// Returns stickiness; without a cookie there is none.
pub(super) fn sticky(spec: &crd::Sticky) -> Option<Sticky> {
    let cookie = spec.cookie.as_ref()?;
    Some(Sticky {
        cookie: Some(Cookie {
            name: cookie.name.clone(),
            secure: cookie.secure,
            http_only: cookie.http_only,
            same_site: cookie.same_site.clone().unwrap_or_default(),
            max_age: cookie.max_age,
            path: Some(cookie.path.clone().unwrap_or_else(|| "/".to_owned())),
            domain: cookie.domain.clone(),
        }),
    })
}

fn health_check(spec: &crd::HealthCheck) -> Result<HealthCheck, Unbuilt> {
    let default = HealthCheck::default();
    let interval = spec.interval.unwrap_or(default.interval);
    Ok(HealthCheck {
        scheme: spec.scheme.clone(),
        // Traefik's API does not show the mode of a check that names none.
        mode: match spec.mode.as_str() {
            "" => None,
            "http" => Some(HealthCheckMode::Http),
            "grpc" => Some(HealthCheckMode::Grpc),
            other => return Err(Unbuilt::HealthCheckMode(other.to_owned())),
        },
        path: spec.path.clone(),
        method: spec.method.clone(),
        status: spec.status,
        port: spec.port,
        interval,
        unhealthy_interval: Some(spec.unhealthy_interval.unwrap_or(interval)),
        timeout: spec.timeout.unwrap_or(default.timeout),
        hostname: spec.hostname.clone(),
        follow_redirects: Some(spec.follow_redirects.unwrap_or(true)),
        headers: spec.headers.clone(),
    })
}

fn passive_health_check(spec: &crd::PassiveHealthCheck) -> PassiveHealthCheck {
    let default = PassiveHealthCheck::default();
    PassiveHealthCheck {
        failure_window: spec.failure_window.unwrap_or(default.failure_window),
        max_failed_attempts: spec.max_failed_attempts.map_or(default.max_failed_attempts, i64::from),
    }
}

fn response_forwarding(spec: &crd::LoadBalancerSpec) -> Result<ResponseForwarding, Unbuilt> {
    match spec.response_forwarding.as_ref().map(|forwarding| &*forwarding.flush_interval) {
        None | Some("") => Ok(ResponseForwarding::default()),
        Some(text) => ResponseForwarding::every(text).map_err(Unbuilt::FlushInterval),
    }
}
