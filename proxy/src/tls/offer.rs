//! The versions and cipher suites of a handshake, by Go's names. TLSOptions name them towards clients, ServersTransports
//! towards servers.

use super::names::{self, Named};
use flow_model::diagnostic::Severity;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// The reason why versions or suites cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OfferError {
    /// None of the suites is served, and neither is TLS 1.3, which needs none of them.
    #[error("the cipher suites leave nothing to serve")]
    NoSuite,
    /// The lowest version is above the highest one that is served.
    #[error("the versions leave nothing to serve; TLS 1.2 and 1.3 are served")]
    NoVersion,
    /// Go does not know a suite of this name.
    #[error("the cipher suite {0} is not known")]
    Suite(String),
}

/// Versions that can be agreed on, the lowest first.
pub(crate) type Versions = Vec<&'static SupportedProtocolVersion>;

/// Returns the versions from `min` to `max`; an empty name is no bound. As in Traefik, unknown names are ignored. Calls
/// `found` for everything served otherwise than configured.
pub(crate) fn versions(min: &str, max: &str, found: &mut impl FnMut(Severity, String)) -> Result<Versions, OfferError> {
    let lowest = names::version(min);
    let highest = names::version(max);
    for (field, name, known) in [("minVersion", min, lowest), ("maxVersion", max, highest)] {
        if !name.is_empty() && known.is_none() {
            found(Severity::Warning, format!("{field} {name} is not known and says nothing"));
        }
    }
    if lowest.is_some_and(|lowest| lowest < 2) {
        found(Severity::Warning, "TLS 1.0 and 1.1 are not served: at least TLS 1.2 is needed".to_owned());
    }
    let range = lowest.unwrap_or(2)..=highest.unwrap_or(3);
    let versions: Vec<_> =
        [(2, &TLS12), (3, &TLS13)].into_iter().filter(|(minor, _)| range.contains(minor)).map(|(_, v)| v).collect();
    if versions.is_empty() { Err(OfferError::NoVersion) } else { Ok(versions) }
}

/// Returns true if both are names of versions, and `min` is above `max`.
pub(crate) fn is_above(min: &str, max: &str) -> bool {
    names::version(min).zip(names::version(max)).is_some_and(|(min, max)| min > max)
}

/// Leaves the suites of these `names` in `provider`; no name leaves all. Takes TLS 1.2 from `versions` if no suite of it
/// is left. Calls `found` for everything served otherwise than configured.
pub(crate) fn suites(
    names: &[String],
    provider: &mut CryptoProvider,
    versions: &mut Versions,
    found: &mut impl FnMut(Severity, String),
) -> Result<(), OfferError> {
    if names.is_empty() {
        return Ok(());
    }
    let mut wanted = Vec::new();
    let mut unserved = Vec::new();
    for name in names {
        match names::suite(name).ok_or_else(|| OfferError::Suite(name.clone()))? {
            Named::Served(suite) => wanted.push(suite.suite()),
            Named::Unserved => unserved.push(name.as_str()),
            Named::Implied => {}
        }
    }
    if !unserved.is_empty() {
        found(
            Severity::Warning,
            format!("not served, as only suites with forward secrecy and AEAD are: {}", unserved.join(", ")),
        );
    }
    // Go applies the list to TLS 1.2 only, and an empty rest disables all of its suites.
    provider.cipher_suites.retain(|suite| match suite {
        SupportedCipherSuite::Tls12(_) => wanted.contains(&suite.suite()),
        SupportedCipherSuite::Tls13(_) => true,
    });
    let is_12 = |version: &&SupportedProtocolVersion| version.version == TLS12.version;
    if wanted.is_empty() && versions.iter().any(is_12) {
        versions.retain(|version| !is_12(version));
        if versions.is_empty() {
            return Err(OfferError::NoSuite);
        }
        found(Severity::Warning, "TLS 1.2 is not served, as none of its suites is left".to_owned());
    }
    Ok(())
}
