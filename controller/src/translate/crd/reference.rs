use super::naming;
use crate::crd::middleware::MiddlewareRef;
use crate::translate::options::{CrdOptions, may_cross_providers};
use flow_model::name::{KUBERNETES_CRD, Name, normalize, provider};

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
    if is_qualified(name, from, options)? {
        return Ok(name.as_str().into());
    }
    Ok(naming::object(namespace_of(name, namespace, from, options)?, name, options))
}

/// Returns the names by which Middlewares are referred to.
pub(super) fn middlewares(all: &[MiddlewareRef], from: &str, options: &CrdOptions) -> Result<Vec<Name>, Refused> {
    all.iter().map(|reference| middleware(reference, from, options)).collect()
}

/// Returns the name by which TLS options are referred to; those have their object's name as it stands.
pub(super) fn tls_options(name: &str, namespace: &str, from: &str, options: &CrdOptions) -> Result<Name, Refused> {
    if is_qualified(name, from, options)? {
        return Ok(name.into());
    }
    let namespace = namespace_of(name, namespace, from, options)?;
    let mark = if options.safe_naming { '_' } else { '-' };
    Ok(format!("{namespace}{mark}{name}").into())
}

/// Returns the name by which a ServersTransport is referred to. It is in the namespace of the Service that uses it.
pub(super) fn servers_transport(name: &str, of: &str, from: &str, options: &CrdOptions) -> Result<Name, Refused> {
    if name.is_empty() {
        return Ok(Name::default());
    }
    if is_qualified(name, from, options)? {
        return Ok(name.into());
    }
    Ok(naming::object(of, name, options))
}

/// Returns the name by which a TraefikService, or another provider's service, is referred to.
///
/// Of `name@kubernetescrd` Traefik takes the namespace from its field; where that is empty, the name is one in full.
pub(super) fn service(name: &str, namespace: &str, from: &str, options: &CrdOptions) -> Result<Name, Refused> {
    if !is_qualified(name, from, options)? {
        return Ok(naming::object(namespace_of(name, namespace, from, options)?, name, options));
    }
    let kept = |text: &str| if options.safe_naming { text.to_owned() } else { normalize(text) };
    let (bare, provider) = name.rsplit_once('@').unwrap_or((name, ""));
    if provider != KUBERNETES_CRD {
        return Ok(format!("{}@{provider}", kept(bare)).into());
    }
    Ok(if namespace.is_empty() { kept(bare).into() } else { naming::object(namespace, bare, options) })
}

/// Returns the namespace of an object that is referred to: `from`'s own where the reference names none.
pub(super) fn namespace_of<'a>(
    name: &str,
    namespace: &'a str,
    from: &'a str,
    options: &CrdOptions,
) -> Result<&'a str, Refused> {
    let namespace = if namespace.is_empty() { from } else { namespace };
    if namespace != from && !options.allow_cross_namespace {
        return Err(Refused::CrossNamespace(name.to_owned(), namespace.to_owned()));
    }
    Ok(namespace)
}

/// True if a name tells its provider.
fn is_qualified(name: &str, from: &str, options: &CrdOptions) -> Result<bool, Refused> {
    if !name.contains('@') {
        return Ok(false);
    }
    if !options.allow_cross_namespace && provider(name) == KUBERNETES_CRD {
        return Err(Refused::Qualified(name.to_owned()));
    }
    if !may_cross_providers(options.cross_provider_namespaces.as_deref(), from) {
        return Err(Refused::CrossProvider(name.to_owned()));
    }
    Ok(true)
}
