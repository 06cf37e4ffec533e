//! Self-signed certificates: temporary ones, and those of TLS-ALPN-01 challenges (RFC 8737).

use super::key::PrivateKey;
use crate::objects::CertificateSpec;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, SanType};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// The reason for which a certificate could not be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the certificate could not be made: {0}")]
pub struct SigningError(String);

/// Makes a certificate for the names of `spec`, signed with its own key, to be served until the real one is issued.
///
/// # Errors
/// [`SigningError`] if a name cannot be in a certificate, or signing failed.
pub fn temporary(spec: &CertificateSpec, key: &PrivateKey, now: Timestamp) -> Result<String, SigningError> {
    let failed = |error: rcgen::Error| SigningError(error.to_string());
    let mut names = spec.dns_names.clone();
    names.extend(spec.ip_addresses.iter().cloned());
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "cert-manager.local");
    within(&mut params, now, SignedDuration::from_hours(24 * 90));
    Ok(params.self_signed(key.pair()).map_err(failed)?.pem())
}

/// Makes the certificate that answers `acme-tls/1` for `name`, as DER.
///
/// # Errors
/// [`SigningError`] if the name cannot be in a certificate, or signing failed.
pub fn challenge(
    name: &str,
    key_authorization: &str,
    key: &PrivateKey,
    now: Timestamp,
) -> Result<Vec<u8>, SigningError> {
    let failed = |error: rcgen::Error| SigningError(error.to_string());
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![match name.parse::<IpAddr>() {
        Ok(ip) => SanType::IpAddress(ip),
        Err(_) => SanType::DnsName(name.try_into().map_err(failed)?),
    }];
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&Sha256::digest(key_authorization))];
    within(&mut params, now, SignedDuration::from_hours(24 * 7));
    Ok(params.self_signed(key.pair()).map_err(failed)?.der().to_vec())
}

fn within(params: &mut CertificateParams, now: Timestamp, lifetime: SignedDuration) {
    let time = |at: Timestamp| {
        let seconds = u64::try_from(at.as_second()).unwrap_or_default();
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
    };
    params.not_before = time(now.checked_sub(SignedDuration::from_hours(1)).unwrap_or(now));
    params.not_after = time(now.checked_add(lifetime).unwrap_or(now));
}
