use super::ObjectKey;
use hashbrown::HashSet;

/// Keys of objects.
pub type Keys = HashSet<ObjectKey, foldhash::fast::RandomState>;

/// The changes since the last translation.
#[derive(Debug, Default)]
pub struct Dirty {
    /// Ingresses that changed.
    pub ingresses: Keys,
    /// Services that changed themselves or by their EndpointSlices.
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
    /// True if any IngressClass changed.
    pub ingress_classes: bool,
    /// True if any Node changed.
    pub nodes: bool,
}

impl Dirty {
    /// True if nothing changed.
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
