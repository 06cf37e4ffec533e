//! What the annotations of an issuer say beside its spec.

use crate::ca::{Directory, Timeouts};
use crate::names::{CA_SERVER_NAME, CA_SYSTEM_CERT_POOL, CHALLENGE_DELAY, CLIENT_HEAD_TIMEOUT, CLIENT_TIMEOUT};
use crate::objects::{AcmeSpec, Challenge, Meta};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_model::duration::GoDuration;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Longer than any exchange.
const NO_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Returns the server of an issuer and how it is asked, or what is wrong with it.
pub(super) fn directory(metadata: &Meta, acme: &AcmeSpec) -> Result<Directory, String> {
    let ca_bundle = if acme.ca_bundle.is_empty() {
        Vec::new()
    } else {
        STANDARD.decode(acme.ca_bundle.trim()).map_err(|error| format!("caBundle: {error}"))?
    };
    let default = Timeouts::default();
    duration(metadata, CHALLENGE_DELAY)?;
    Ok(Directory {
        url: acme.server.clone(),
        ca_bundle,
        skip_tls_verify: acme.skip_tls_verify,
        system_roots: metadata.annotation(CA_SYSTEM_CERT_POOL) == Some("true"),
        server_name: metadata.annotation(CA_SERVER_NAME).unwrap_or_default().to_owned(),
        timeouts: Timeouts {
            exchange: duration(metadata, CLIENT_TIMEOUT)?.map_or(default.exchange, limit),
            head: duration(metadata, CLIENT_HEAD_TIMEOUT)?.map_or(default.head, limit),
        },
    })
}

/// A limit of zero is none, as in Go.
fn limit(duration: Duration) -> Duration {
    if duration.is_zero() { NO_LIMIT } else { duration }
}

fn duration(metadata: &Meta, annotation: &str) -> Result<Option<Duration>, String> {
    let text = metadata.annotation(annotation);
    let read = |text: &str| text.parse::<GoDuration>().map(|duration| duration.0);
    text.map(read).transpose().map_err(|error| format!("annotation {annotation}: {error}"))
}

/// Returns the time from which the CA may be told of a challenge, where its issuer has it wait.
pub(super) fn not_before(challenge: &Challenge) -> Option<Timestamp> {
    let delay = duration(&challenge.metadata, CHALLENGE_DELAY).ok()??;
    let delay = SignedDuration::try_from(delay).ok()?;
    challenge.metadata.creation_timestamp?.checked_add(delay).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn of(annotations: &[(&str, &str)]) -> Result<Directory, String> {
        let annotations = annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        directory(&Meta { annotations, ..Meta::default() }, &AcmeSpec::default())
    }

    #[test]
    fn annotations_say_how_a_server_is_asked() {
        let plain = of(&[]).unwrap();
        assert_eq!((plain.timeouts, plain.system_roots, &*plain.server_name), (Timeouts::default(), false, ""));
        let asked = of(&[
            (CA_SERVER_NAME, "ca.inner"),
            (CA_SYSTEM_CERT_POOL, "true"),
            (CLIENT_TIMEOUT, "5m"),
            (CLIENT_HEAD_TIMEOUT, "10"),
        ])
        .unwrap();
        assert_eq!((asked.system_roots, &*asked.server_name), (true, "ca.inner"));
        assert_eq!((asked.timeouts.exchange.as_secs(), asked.timeouts.head.as_secs()), (300, 10));
        for annotation in [CLIENT_TIMEOUT, CLIENT_HEAD_TIMEOUT, CHALLENGE_DELAY] {
            assert!(of(&[(annotation, "soon")]).unwrap_err().contains(annotation));
        }
    }

    #[test]
    fn a_challenge_waits_from_its_creation() {
        let mut challenge = Challenge::default();
        challenge.metadata.creation_timestamp = "2026-11-01T00:00:00Z".parse().ok();
        assert_eq!(not_before(&challenge), None);
        challenge.metadata.annotations.insert(CHALLENGE_DELAY.to_owned(), "90s".to_owned());
        assert_eq!(not_before(&challenge), "2026-11-01T00:01:30Z".parse().ok());
    }
}
