use super::Config;
use crate::name::Name;
use std::sync::Arc;

/// The configuration of one provider at one moment. `C` is the kind of configuration that providers publish.
#[derive(Clone, Debug)]
pub struct Source<C = Config> {
    /// The provider's name, such as `kubernetescrd`.
    pub provider: Name,
    /// Decides between routers of equal priority: the lowest comes first. One of [`precedence`]; the same at every
    /// moment.
    pub precedence: u32,
    /// Its objects. Those that did not change keep their identity from one moment to the next.
    pub config: Arc<C>,
}

/// The order of the providers, as in Traefik.
pub mod precedence {
    /// The proxy's own routers.
    pub const INTERNAL: u32 = 0;
    /// Custom resources.
    pub const KUBERNETES_CRD: u32 = 1;
    /// Ingresses.
    pub const KUBERNETES: u32 = 2;
    /// Traefik's dynamic configuration files.
    pub const FILE: u32 = 3;
    /// Providers without routers of their own.
    pub const LAST: u32 = 4;
}

impl<C> Source<C> {
    /// The configuration of `provider`.
    #[must_use]
    pub fn new(provider: &str, precedence: u32, config: Arc<C>) -> Self {
        Self { provider: provider.into(), precedence, config }
    }

    /// True if the other one is the same provider's with the same, not merely an equal, configuration.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.provider == other.provider && Arc::ptr_eq(&self.config, &other.config)
    }
}
