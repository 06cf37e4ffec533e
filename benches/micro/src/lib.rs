//! Shared by the micro-benchmarks and the budgets: a cluster of many Ingresses, and its translator and compiler.

pub mod cluster;

use flow_controller::translate::{CrdOptions, IngressOptions, Options, Translator};
use flow_model::config::{RouterTls, ServersTransport};
use flow_model::entry_point::{EntryPoint, ForwardedHeaders, Http, Http2, Transport};
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
            name: name.into(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            as_default: false,
            allow_acme_bypass: false,
            transport: Transport::default(),
            proxy_protocol: None,
            forwarded_headers: ForwardedHeaders::default(),
            http: Http { tls, ..Http::default() },
            http2: Http2::default(),
            observability: Default::default(),
            has_model: name == "websecure",
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
        tunnels: Tunnels::new(),
        internals: Vec::new(),
        record_internals: RecordInternals::default(),
        metrics,
    })
}
