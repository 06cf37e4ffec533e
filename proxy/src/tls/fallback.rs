use super::certificate::{Loaded, load};
use flow_model::config::Certificate;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use std::sync::{Arc, LazyLock};

/// What clients get where no certificate fits and none is given: one made at the first need, the same for the
/// process's life. It has the name that Traefik's users and their monitoring know.
pub(super) fn certificate() -> Option<Arc<Loaded>> {
    static MADE: LazyLock<Option<Arc<Loaded>>> = LazyLock::new(|| match make() {
        Ok(loaded) => Some(Arc::new(loaded)),
        Err(error) => {
            tracing::error!(%error, "cannot make a default certificate");
            None
        }
    });
    MADE.clone()
}

fn make() -> Result<Loaded, Box<dyn std::error::Error>> {
    let label = format!("{:032x}.{:032x}.traefik.default", fastrand::u128(..), fastrand::u128(..));
    let mut params = CertificateParams::new(vec![label])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "TRAEFIK DEFAULT CERT");
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DataEncipherment,
        KeyUsagePurpose::KeyAgreement,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = std::time::SystemTime::now();
    params.not_before = now.into();
    params.not_after = (now + std::time::Duration::from_secs(365 * 24 * 3600)).into();
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(load(&Certificate {
        origin: "default".into(),
        chain: certificate.pem().into_bytes(),
        key: key.serialize_pem().into_bytes(),
    })?)
}
