//! Shared by the micro-benchmarks and the budgets: a cluster of many Ingresses, and its translator and compiler.

pub mod cluster;

use flow_controller::translate::{CrdOptions, IngressOptions, Options, Translator};
use flow_model::config::{RouterTls, ServersTransport};
use flow_model::entry_point::{EntryPoint, Http};
use proxy::compile::{Compiler, RecordInternals, Setup};
use proxy::forward::Tunnels;
use proxy::metrics::Metrics;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// The entry points `web` and `websecure` (whose routers are TLS routers), on ports that the kernel chooses.
#[must_use]
pub fn entry_points() -> Arc<[Arc<EntryPoint>]> {
    let point = |name: &str, tls| {
        Arc::new(EntryPoint {
            http: Http { tls, ..Http::default() },
            has_model: name == "websecure",
            ..EntryPoint::new(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        })
    };
    [point("web", None), point("websecure", Some(RouterTls::default()))].into()
}

/// A translator of Ingresses and custom resources.
#[must_use]
pub fn translator() -> Translator {
    Translator::new(Options { ingress: Some(IngressOptions::default()), crd: Some(CrdOptions::default()) })
}

/// A compiler for these entry points.
#[must_use]
pub fn compiler(entry_points: Arc<[Arc<EntryPoint>]>, metrics: Option<Arc<Metrics>>) -> Compiler {
    Compiler::new(Setup {
        entry_points,
        rule_syntax: None,
        strict_tls_options: false,
        default_transport: ServersTransport::default(),
        proxies: Arc::default(),
        tunnels: Tunnels::new(),
        internals: Vec::new(),
        record_internals: RecordInternals::default(),
        checks: None,
        metrics,
    })
}
