//! The TLS versions and cipher suites that are offered to servers.

use super::TransportError;
use crate::tls::offer::{self, OfferError, Versions};
use flow_model::config::ServersTransport;
use flow_model::diagnostic::Severity;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Returns what `config` offers, and adds to `findings` what is offered otherwise than configured. As in Traefik, a
/// suite that nobody knows, or a lowest version above the highest, leaves the defaults.
pub(super) fn offer(
    config: &ServersTransport,
    findings: &mut Vec<String>,
) -> Result<(CryptoProvider, Versions), TransportError> {
    let mut provider = aws_lc_rs::default_provider();
    let (min, max) = (config.min_version.as_str(), config.max_version.as_str());
    let found = &mut |_, message| findings.push(message);
    let mut versions = match offer::versions(min, max, found) {
        Err(OfferError::NoVersion) if offer::is_above(min, max) => {
            found(Severity::Warning, format!("minVersion {min} is above maxVersion {max}, so that neither holds"));
            offer::versions("", "", found)?
        }
        versions => versions?,
    };
    match offer::suites(&config.cipher_suites, &mut provider, &mut versions, found) {
        Err(error @ OfferError::Suite(_)) => {
            found(Severity::Warning, format!("{error}, so that the default ones are offered"));
        }
        suites => suites?,
    }
    Ok((provider, versions))
}
