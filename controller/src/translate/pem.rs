use crate::view::{ObjectKey, View};
use flow_model::config::Certificate;

/// The reason why a Secret or a ConfigMap lacks what is needed of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unusable {
    /// It does not exist.
    #[error("{0} {1} does not exist")]
    Missing(&'static str, ObjectKey),
    /// Keys are absent.
    #[error("{0} {1} has no {2}")]
    NoKey(&'static str, ObjectKey, &'static str),
    /// Keys have no value.
    #[error("{0} {1} has an empty {2}")]
    Empty(&'static str, ObjectKey, &'static str),
    /// A value is not text.
    #[error("{0} {1} holds a value that is no text")]
    NoText(&'static str, ObjectKey),
    /// It does not have exactly one key.
    #[error("Secret {0} must have exactly one key, it has {1}")]
    NotOneKey(ObjectKey, usize),
}

/// Returns the certificate and key of a Secret, under `tls.crt` and `tls.key`. Their validity is checked where they are
/// loaded.
pub(super) fn certificate(view: &View, key: &ObjectKey) -> Result<Certificate, Unusable> {
    let secret = view.secret(key).ok_or_else(|| Unusable::Missing("Secret", key.clone()))?;
    let value = |name| match secret.data.get(name) {
        None => Err(Unusable::NoKey("Secret", key.clone(), name)),
        Some(value) if value.is_empty() => Err(Unusable::Empty("Secret", key.clone(), name)),
        Some(value) => Ok(value.to_vec()),
    };
    Ok(Certificate {
        origin: format!("{}-{}", key.namespace, key.name).into(),
        chain: value("tls.crt")?,
        key: value("tls.key")?,
    })
}

/// Returns the authorities of a Secret, under `tls.ca`, then `ca.crt`; if `lone_key` is set a single key of any name
/// will do.
pub(super) fn authorities(view: &View, key: &ObjectKey, lone_key: bool) -> Result<String, Unusable> {
    let secret = view.secret(key).ok_or_else(|| Unusable::Missing("Secret", key.clone()))?;
    let lone = || secret.data.values().next().filter(|_| lone_key && secret.data.len() == 1);
    let value = secret.data.get("tls.ca").or_else(|| secret.data.get("ca.crt")).or_else(lone);
    let value = value.ok_or_else(|| Unusable::NoKey("Secret", key.clone(), "tls.ca or ca.crt"))?;
    String::from_utf8(value.to_vec()).map_err(|_| Unusable::NoText("Secret", key.clone()))
}

/// Returns the authorities of a ConfigMap, under `tls.ca`, then `ca.crt`.
pub(super) fn config_map_authorities(view: &View, key: &ObjectKey) -> Result<String, Unusable> {
    let map = view.config_map(key).ok_or_else(|| Unusable::Missing("ConfigMap", key.clone()))?;
    let value = map.data.get("tls.ca").or_else(|| map.data.get("ca.crt"));
    value.map(ToString::to_string).ok_or_else(|| Unusable::NoKey("ConfigMap", key.clone(), "tls.ca or ca.crt"))
}
