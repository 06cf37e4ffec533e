use super::ObjectKey;
use hashbrown::HashSet;

/// Keys of objects.
pub type Keys = HashSet<ObjectKey, foldhash::fast::RandomState>;

/// What changed since the last translation.
#[derive(Debug, Default)]
pub struct Dirty {
    /// Ingresses.
    pub ingresses: Keys,
    /// Services, or their EndpointSlices.
    pub services: Keys,
    /// Secrets.
    pub secrets: Keys,
    /// ConfigMaps.
    pub config_maps: Keys,
    /// Middleware objects.
    pub middlewares: Keys,
    /// ServersTransport objects.
    pub servers_transports: Keys,
    /// TLSOption objects.
    pub tls_options: Keys,
    /// TLSStore objects.
    pub tls_stores: Keys,
    /// Any IngressClass.
    pub ingress_classes: bool,
    /// Any Node.
    pub nodes: bool,
}

impl Dirty {
    /// Nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.ingress_classes
            && !self.nodes
            && [
                &self.ingresses,
                &self.services,
                &self.secrets,
                &self.config_maps,
                &self.middlewares,
                &self.servers_transports,
                &self.tls_options,
                &self.tls_stores,
            ]
            .into_iter()
            .all(HashSet::is_empty)
    }
}
