//! Demands on a server's identity beside or instead of its name: `peerCertURI` and `spiffe`.

use super::spiffe::{SpiffeId, TrustDomain};
use super::{SpiffeError, TransportError};
use flow_model::config::ServersTransport;
use url::Url;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// A demand that a server's certificate must meet once its chain is verified.
#[derive(Debug)]
pub(super) enum Demand {
    /// This URI is one of its names.
    Uri(String),
    /// Its only URI is a SPIFFE identity of these.
    Spiffe(Members),
}

/// Identities that a server may have.
#[derive(Debug)]
pub(super) enum Members {
    /// All that its authorities vouch for.
    All,
    /// Those of a trust domain.
    Domain(TrustDomain),
    /// These.
    Ids(Vec<SpiffeId>),
}

/// The reason why a server that has a valid certificate is not believed.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum IdentityError {
    #[error("the server's certificate cannot be read")]
    Certificate,
    #[error("the server's certificate has the SPIFFE identity {0}, which is not one of those wanted")]
    Other(String),
    #[error("the server's certificate has {0} URIs; one with a SPIFFE identity has one")]
    Number(usize),
    #[error("{uri} in the server's certificate is no SPIFFE identity: {reason}")]
    Spiffe { uri: String, reason: SpiffeError },
    #[error("the server's certificate does not have the URI {0}")]
    Uri(String),
}

impl Demand {
    /// Returns the demand of `config`, if it makes one.
    pub(super) fn of(config: &ServersTransport) -> Result<Option<Self>, TransportError> {
        let uri = config.peer_cert_uri.as_str();
        let Some(spiffe) = &config.spiffe else {
            if !uri.is_empty() && Url::parse(uri).is_err() {
                return Err(TransportError::PeerCertUri(uri.to_owned()));
            }
            return Ok((!uri.is_empty()).then(|| Self::Uri(uri.to_owned())));
        };
        if config.insecure_skip_verify || !uri.is_empty() {
            return Err(TransportError::SpiffeBeside);
        }
        if config.root_cas.is_empty() {
            return Err(TransportError::WorkloadApi);
        }
        let refuse = |text: &str, reason| TransportError::Spiffe { text: text.to_owned(), reason };
        let members = if !spiffe.ids.is_empty() {
            let ids = spiffe.ids.iter().map(|id| id.parse().map_err(|reason| refuse(id, reason)));
            Members::Ids(ids.collect::<Result<_, _>>()?)
        } else if !spiffe.trust_domain.is_empty() {
            let domain = spiffe.trust_domain.parse();
            Members::Domain(domain.map_err(|reason| refuse(&spiffe.trust_domain, reason))?)
        } else {
            Members::All
        };
        Ok(Some(Self::Spiffe(members)))
    }

    /// Returns an error if the certificate, in DER, does not meet the demand.
    pub(super) fn check(&self, certificate: &[u8]) -> Result<(), IdentityError> {
        let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| IdentityError::Certificate)?;
        let names = certificate.subject_alternative_name().map_err(|_| IdentityError::Certificate)?;
        let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
        let mut uris = names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        match self {
            Self::Uri(wanted) => {
                let found = uris.any(|uri| same_uri(uri, wanted));
                if found { Ok(()) } else { Err(IdentityError::Uri(wanted.clone())) }
            }
            Self::Spiffe(members) => {
                let (Some(uri), None) = (uris.next(), uris.next()) else {
                    let is_uri = |name: &&GeneralName<'_>| matches!(name, GeneralName::URI(_));
                    return Err(IdentityError::Number(names.iter().filter(is_uri).count()));
                };
                let id: SpiffeId =
                    uri.parse().map_err(|reason| IdentityError::Spiffe { uri: uri.to_owned(), reason })?;
                if members.contain(&id) { Ok(()) } else { Err(IdentityError::Other(uri.to_owned())) }
            }
        }
    }
}

impl Members {
    fn contain(&self, id: &SpiffeId) -> bool {
        match self {
            Self::All => true,
            Self::Domain(domain) => id.is_in(domain),
            Self::Ids(ids) => ids.contains(id),
        }
    }
}

/// True if both are one URI: the case of scheme and authority does not count (RFC 3986, section 6.2.2.1).
fn same_uri(a: &str, b: &str) -> bool {
    let (a_start, a_path) = a.split_at(path_start(a));
    let (b_start, b_path) = b.split_at(path_start(b));
    a_start.eq_ignore_ascii_case(b_start) && a_path == b_path
}

/// The index of the first byte after scheme and authority.
fn path_start(uri: &str) -> usize {
    let scheme = uri.find(':').map_or(0, |colon| colon + 1);
    let rest = uri.get(scheme..).unwrap_or_default();
    let authority = rest.strip_prefix("//").map_or(0, |after| 2 + after.find(['/', '?', '#']).unwrap_or(after.len()));
    scheme + authority
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use flow_model::config::Spiffe;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate(uris: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn spiffe(ids: &[&str], trust_domain: &str) -> Demand {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let spiffe = Spiffe { ids, trust_domain: trust_domain.to_owned() };
        let config =
            ServersTransport { spiffe: Some(spiffe), root_cas: vec![Vec::new()], ..ServersTransport::default() };
        Demand::of(&config).unwrap().unwrap()
    }

    #[test]
    fn a_uri_must_be_there_as_it_is_written() {
        let wanted = || Demand::Uri("spiffe://a.test/web".to_owned());
        let missing = || Err(IdentityError::Uri("spiffe://a.test/web".to_owned()));
        assert_eq!(wanted().check(&certificate(&["spiffe://a.test/web"])), Ok(()));
        assert_eq!(wanted().check(&certificate(&["https://b.test", "SPIFFE://A.test/web"])), Ok(()), "one of several");
        for uri in
            ["spiffe://a.test/Web", "spiffe://a.test/web/", "spiffe://b.test/web", "spiffe://a.test", "a.test/web"]
        {
            assert_eq!(wanted().check(&certificate(&[uri])), missing(), "{uri}");
        }
        assert_eq!(wanted().check(&certificate(&[])), missing());
        assert_eq!(wanted().check(b"no certificate"), Err(IdentityError::Certificate));
        assert!(same_uri("URN:uuid:1", "urn:uuid:1") && !same_uri("urn:UUID:1", "urn:uuid:1"));
    }

    #[test]
    fn an_identity_is_the_only_uri_and_one_of_those_wanted() {
        let web = certificate(&["spiffe://a.test/web"]);
        for good in [spiffe(&["spiffe://b.test/x", "spiffe://a.test/web"], ""), spiffe(&[], "a.test"), spiffe(&[], "")]
        {
            assert_eq!(good.check(&web), Ok(()), "{good:?}");
        }
        // As in Traefik, the domain does not count where there are identities.
        assert_eq!(spiffe(&["spiffe://a.test/web"], "b.test").check(&web), Ok(()));
        for other in [spiffe(&["spiffe://a.test/other"], "a.test"), spiffe(&[], "b.test")] {
            assert_eq!(other.check(&web), Err(IdentityError::Other("spiffe://a.test/web".to_owned())), "{other:?}");
        }
        let any = spiffe(&[], "");
        assert_eq!(any.check(&certificate(&[])), Err(IdentityError::Number(0)));
        let two = certificate(&["spiffe://a.test/web", "https://a.test"]);
        assert_eq!(any.check(&two), Err(IdentityError::Number(2)));
        assert!(matches!(any.check(&certificate(&["https://a.test/web"])), Err(IdentityError::Spiffe { .. })));
    }
}
