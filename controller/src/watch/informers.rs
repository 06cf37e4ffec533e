//! The watches that routes and certificates share: one of each kind for the whole process.

use super::informer::{Informer, follow};
use super::lean::Lean;
use super::outage::Outage;
use super::reader::Reader;
use super::referenced::{ReferenceInformer, Sort};
use super::watcher::{Watched, Watcher};
use futures_util::future::{BoxFuture, FutureExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Helm keeps its releases in Secrets; like Traefik, we do not have them sent.
const NO_RELEASES: &str = "owner!=helm";
/// The field selector of the Secrets of which thousands may be named: certificates with their keys.
const KEY_PAIRS: &str = "type=kubernetes.io/tls";

/// The kinds and their subscribers, before anything is watched. A kind without subscribers is not watched.
pub(crate) struct Informers {
    pub(crate) client: Client,
    pub(crate) outage: Outage,
    pub(crate) config_maps: ReferenceInformer<ConfigMap>,
    pub(crate) endpoint_slices: Informer<Lean<EndpointSlice>>,
    pub(crate) ingress_classes: Informer<IngressClass>,
    pub(crate) ingresses: Informer<Lean<Ingress>>,
    pub(crate) secrets: ReferenceInformer<Secret>,
    pub(crate) services: Informer<Lean<Service>>,
    others: Vec<BoxFuture<'static, ()>>,
}

impl Informers {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            outage: Outage::default(),
            config_maps: ReferenceInformer::new(Sort::default()),
            endpoint_slices: Informer::namespaced(),
            ingress_classes: Informer::global(),
            ingresses: Informer::namespaced(),
            secrets: ReferenceInformer::new(Sort { labels: Some(NO_RELEASES), fields: Some(KEY_PAIRS) }),
            services: Informer::namespaced(),
            others: Vec::new(),
        }
    }

    /// Adds a watch of a kind that only one subscriber wants.
    pub(crate) fn watch<K: Watched>(&mut self, api: Api<K>, config: Config, reader: Box<dyn Reader<K>>) {
        self.others.push(follow(Watcher::new(api, config, &self.outage), reader).boxed());
    }

    /// Starts all watches on the current runtime; they end when `stop` is cancelled.
    pub(crate) fn start(self, stop: CancellationToken) {
        let (client, outage) = (&self.client, &self.outage);
        let mut watches = self.others;
        watches.extend(self.config_maps.watches(client, outage));
        watches.extend(self.endpoint_slices.watches(client, outage));
        watches.extend(self.ingress_classes.watches(client, outage));
        watches.extend(self.ingresses.watches(client, outage));
        watches.extend(self.secrets.watches(client, outage));
        watches.extend(self.services.watches(client, outage));
        let mut tasks: JoinSet<()> = watches.into_iter().collect();
        tokio::spawn(async move {
            stop.cancelled().await;
            tasks.shutdown().await;
        });
    }
}
