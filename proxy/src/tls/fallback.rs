use super::certificate::{Loaded, load};
use flow_model::config::Certificate;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use std::sync::{Arc, LazyLock};

/// The certificate for clients if none fits and no default is configured: created when first needed, and kept until the
/// process ends. It has the same name as Traefik's, which users and monitoring know.
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
