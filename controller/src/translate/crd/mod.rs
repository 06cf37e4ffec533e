//! The provider `kubernetescrd`: Traefik's custom resources (Traefik's `providers.kubernetesCRD`).

mod memo;
mod middleware;
mod naming;
mod reference;
mod routing;
mod servers_transport;
mod tls_option;
mod tls_store;

use super::options::CrdOptions;
use crate::view::{Dirty, View, custom};
use flow_model::config::{Config, ServersTransport, TlsOptions};
use flow_model::diagnostic::Diagnostic;
use flow_model::middleware::Middleware;
use memo::Memo;
use routing::Routing;
use std::sync::Arc;
use tls_store::Stores;

/// The translation of custom resources, kept so that the cost of a change is proportional to it.
#[derive(Debug)]
pub(super) struct Custom {
    options: CrdOptions,
    routing: Routing,
    middlewares: Memo<Middleware>,
    servers_transports: Memo<ServersTransport>,
    tls_options: Memo<TlsOptions>,
    tls_stores: Stores,
    config: Arc<Config>,
}

impl Custom {
    pub(super) fn new(options: CrdOptions) -> Self {
        Self {
            options,
            routing: Routing::default(),
            middlewares: Memo::new("Middleware"),
            servers_transports: Memo::new("ServersTransport"),
            tls_options: Memo::new("TLSOption"),
            tls_stores: Stores::default(),
            config: Arc::default(),
        }
    }

    /// Returns the configuration after a change; the same `Arc` if nothing in it changed.
    pub(super) fn update(&mut self, view: &View, dirty: &Dirty) -> Arc<Config> {
        let options = &self.options;
        let effect = self.routing.update(view, dirty, options);
        let mut changed = effect.changed;
        let middlewares = &effect.error_pages | &dirty.middlewares;
        let routing = &self.routing;
        changed |= self.middlewares.update(&middlewares, dirty, |key| {
            middleware::translate(view.custom(key), view, options, routing.error_page(key))
        });
        changed |= self.servers_transports.update(&dirty.servers_transports, dirty, |key| {
            servers_transport::translate(view.custom(key), view, options)
        });
        changed |= self
            .tls_options
            .update(&dirty.tls_options, dirty, |key| tls_option::translate(view.custom(key), view, options));
        changed |= self.tls_stores.update(dirty, view, options);
        if changed {
            self.config = Arc::new(self.assemble());
        }
        self.config.clone()
    }

    fn assemble(&self) -> Config {
        let mut diagnostics = self.routing.diagnostics();
        diagnostics.extend(self.middlewares.diagnostics());
        diagnostics.extend(self.servers_transports.diagnostics());
        diagnostics.extend(self.tls_options.diagnostics());
        diagnostics.extend(self.tls_stores.diagnostics());
        let mut certificates = self.tls_stores.certificates();
        certificates.extend(self.routing.certificates());
        Config {
            routers: self.routing.routers().objects().clone(),
            services: self.routing.services().objects().clone(),
            middlewares: self.middlewares.claims().objects().clone(),
            servers_transports: self.servers_transports.claims().objects().clone(),
            tls_options: self.tls_options.claims().objects().clone(),
            tls_stores: self.tls_stores.objects(),
            certificates,
            diagnostics,
        }
    }
}

/// Returns the object that counts of those with one name, and findings about the other one and about fields without
/// effect.
fn choose<'a, T>(
    [first, second]: [Option<&'a Arc<custom::Custom<T>>>; 2],
    kind: &'static str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<&'a Arc<custom::Custom<T>>> {
    let (first, second) = (first?, second);
    diagnostics
        .extend(first.ignored.iter().map(|finding| Diagnostic::warning(first.key.subject(kind), finding.clone())));
    if let Some(second) = second {
        let message = format!("it exists in {} too: the one of {} is used", second.group, first.group);
        diagnostics.push(Diagnostic::warning(first.key.subject(kind), message));
    }
    Some(first)
}
