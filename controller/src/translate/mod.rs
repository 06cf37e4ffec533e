//! What the cluster's objects mean: pure, and incremental.
//!
//! [`Translator::translate`] reads a [`View`] and what changed in it, and yields one [`Config`] a provider. What did
//! not change keeps its `Arc`, also the whole `Config`, so that whoever compiles it can tell by identity.

mod certificates;
mod claims;
mod crd;
mod findings;
mod ingress;
mod options;
mod pem;
mod rule_syntax;
mod servers;
pub mod status;

pub use options::{CrdOptions, IngressEndpoint, IngressOptions, Options};

use crate::view::{ObjectKey, View};
use flow_model::config::{Config, Source, precedence};
use flow_model::name::{KUBERNETES, KUBERNETES_CRD};
use std::sync::Arc;

/// The configuration that the cluster's objects come to.
#[derive(Clone, Debug, Default)]
pub struct Translated {
    /// The provider `kubernetes`.
    pub kubernetes: Arc<Config>,
    /// The provider `kubernetescrd`.
    pub kubernetescrd: Arc<Config>,
}

impl Translated {
    /// The configurations by provider.
    #[must_use]
    pub fn sources(&self) -> [Source; 2] {
        [
            Source::new(KUBERNETES_CRD, precedence::KUBERNETES_CRD, Arc::clone(&self.kubernetescrd)),
            Source::new(KUBERNETES, precedence::KUBERNETES, Arc::clone(&self.kubernetes)),
        ]
    }
}

/// Translates one [`View`], remembering what it made of each object.
#[derive(Debug)]
pub struct Translator {
    ingresses: Option<ingress::Ingresses>,
    custom: Option<crd::Custom>,
    last: Translated,
}

impl Translator {
    /// A translator that has seen nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            ingresses: options.ingress.map(ingress::Ingresses::new),
            custom: options.crd.map(crd::Custom::new),
            last: Translated::default(),
        }
    }

    /// Takes what changed in the view and translates it. A view has one translator, from its beginning.
    pub fn translate(&mut self, view: &mut View) -> Translated {
        let dirty = view.take_dirty();
        if let Some(provider) = &mut self.ingresses {
            self.last.kubernetes = provider.update(view, &dirty);
        }
        if let Some(provider) = &mut self.custom {
            self.last.kubernetescrd = provider.update(view, &dirty);
        }
        self.last.clone()
    }

    /// The Ingresses that are ours, whose status is ours to write.
    pub fn selected(&self) -> impl Iterator<Item = &ObjectKey> {
        self.ingresses.iter().flat_map(ingress::Ingresses::selected)
    }

    /// True if this Ingress is one of [`Self::selected`].
    #[must_use]
    pub fn is_selected(&self, key: &ObjectKey) -> bool {
        self.ingresses.as_ref().is_some_and(|provider| provider.is_selected(key))
    }
}
