use super::object_name;
use crate::crd::middleware::MiddlewareRef;
use crate::translate::options::{CrdOptions, may_cross_providers};
use flow_model::name::{KUBERNETES_CRD, Name, provider};

/// The reason why an object may not refer to another.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0} is a name of this provider in full, which needs allowCrossNamespace: write the name alone")]
    Qualified(String),
    #[error("{0} is another provider's, which crossProviderNamespaces does not allow in this namespace")]
    CrossProvider(String),
    #[error("{0} is in namespace {1}, which needs allowCrossNamespace")]
    CrossNamespace(String, String),
}

/// Returns the name by which a Middleware is referred to: as written if it names a provider, else made from namespace
/// and name.
pub(super) fn middleware(reference: &MiddlewareRef, from: &str, options: &CrdOptions) -> Result<Name, Refused> {
    let MiddlewareRef { name, namespace } = reference;
    if name.contains('@') {
        if !options.allow_cross_namespace && provider(name) == KUBERNETES_CRD {
            return Err(Refused::Qualified(name.clone()));
        }
        if !may_cross_providers(options.cross_provider_namespaces.as_deref(), from) {
            return Err(Refused::CrossProvider(name.clone()));
        }
        return Ok(name.as_str().into());
    }
    let namespace = if namespace.is_empty() { from } else { namespace };
    if namespace != from && !options.allow_cross_namespace {
        return Err(Refused::CrossNamespace(name.clone(), namespace.to_owned()));
    }
    Ok(object_name(namespace, name, options))
}
