//! Traefik's `certificatesResolvers`, mapped to the same engine: each resolver is an issuer, and each set of domains
//! that a router wants is a Certificate, in the namespace of a [`Place`].

mod acme_json;
mod place;
mod taken;

#[cfg(test)]
mod tests;

pub use acme_json::{AcmeJsonError, Imported, import};
pub use place::Place;
pub use taken::moved;

use crate::ca::Timeouts;
use crate::http01::Method;
use crate::names::{
    CA_SERVER_NAME, CA_SYSTEM_CERT_POOL, CHALLENGE_DELAY, CHALLENGE_TYPE, CLIENT_HEAD_TIMEOUT, CLIENT_TIMEOUT,
    EMAIL_NAMES,
};
use crate::objects::{
    AcmeSpec, Algorithm, Certificate, CertificateSpec, CertificateStatus, ExternalAccountBinding, Http01, Issuer,
    IssuerRef, IssuerSpec, IssuerStatus, Key, Meta, Object, PrivateKeySpec, Secret, SecretKeyRef, SecretTemplate,
    Solver,
};
use crate::store::folder::Declared;
use crate::view::Settings;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_model::duration::GoDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// URL of Let's Encrypt's directory, Traefik's default.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How long Traefik takes certificates to live, by default.
pub const CERTIFICATES_DURATION: Duration = Duration::from_secs(90 * DAY);

const DAY: u64 = 24 * 3600;

/// A resolver of the static configuration (`certificatesResolvers.NAME.acme`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolver {
    /// Name of the resolver.
    pub name: String,
    /// Contact address.
    pub email: String,
    /// URL of the CA's directory.
    pub ca_server: String,
    /// Authorities of the CA's own certificate in PEM. Empty: the system's.
    pub ca_certificates: Vec<u8>,
    /// Kind of the certificates' keys. Default: `RSA4096`, as in Traefik.
    pub key_type: KeyType,
    /// Common name of the preferred chain's topmost issuer.
    pub preferred_chain: String,
    /// Profile of the orders.
    pub profile: String,
    /// True if certificates have no common name.
    pub disable_common_name: bool,
    /// External account binding: key id, and the key in base64url.
    pub eab: Option<(String, String)>,
    /// True if the system's authorities are trusted beside `ca_certificates`.
    pub ca_system_cert_pool: bool,
    /// The name in the CA's own certificate. Empty: the host of its URL.
    pub ca_server_name: String,
    /// Time limits of requests to the CA.
    pub timeouts: Timeouts,
    /// How long after its creation a challenge is told to the CA.
    pub challenge_delay: Duration,
    /// E-mail addresses of the signing requests.
    pub email_addresses: Vec<String>,
    /// The life time of certificates that decides when they are renewed. Default: 90 days.
    pub certificates_duration: Duration,
    /// Method that proves the names.
    pub challenge: Method,
}

impl Resolver {
    /// Returns a resolver with Traefik's defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, challenge: Method) -> Self {
        Self {
            name: name.into(),
            email: String::new(),
            ca_server: LETS_ENCRYPT.to_owned(),
            ca_certificates: Vec::new(),
            key_type: KeyType::default(),
            preferred_chain: String::new(),
            profile: String::new(),
            disable_common_name: false,
            eab: None,
            ca_system_cert_pool: false,
            ca_server_name: String::new(),
            timeouts: Timeouts::default(),
            challenge_delay: Duration::ZERO,
            email_addresses: Vec::new(),
            certificates_duration: CERTIFICATES_DURATION,
            challenge,
        }
    }
}

/// Traefik's `keyType`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyType {
    /// `EC256`
    Ec256,
    /// `EC384`
    Ec384,
    /// `RSA2048`
    Rsa2048,
    /// `RSA4096`, the default
    #[default]
    Rsa4096,
    /// `RSA8192`, which takes long to make and to sign with
    Rsa8192,
}

impl KeyType {
    fn spec(self) -> PrivateKeySpec {
        let (algorithm, size) = match self {
            Self::Ec256 => (Algorithm::ECDSA, 256),
            Self::Ec384 => (Algorithm::ECDSA, 384),
            Self::Rsa2048 => (Algorithm::RSA, 2048),
            Self::Rsa4096 => (Algorithm::RSA, 4096),
            Self::Rsa8192 => (Algorithm::RSA, 8192),
        };
        PrivateKeySpec { algorithm: Some(algorithm), size: Some(size), ..PrivateKeySpec::default() }
    }
}

/// Names for which a router wants a certificate: `tls.domains`, or the hosts of its rule. The first is the main name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Wanted {
    /// Name of the resolver.
    pub resolver: String,
    /// The main name.
    pub main: String,
    /// Further names.
    pub sans: Vec<String>,
}

impl Wanted {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in std::iter::once(&self.main).chain(&self.sans) {
            let name = name.to_ascii_lowercase();
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// Returns the planner's settings for resolvers: their issuers' Secrets are in the namespace of their certificates.
#[must_use]
pub fn settings(place: &Place) -> Settings {
    Settings {
        cluster_resource_namespace: place.namespace().to_owned(),
        fallback_namespaces: Vec::new(),
        ..Settings::default()
    }
}

/// Turns resolvers and the routers' domains into declared objects. Names covered by a larger set of the same resolver
/// get no certificate of their own, as in Traefik. A resolver that does not exist is ignored.
#[must_use]
pub fn declare(place: &Place, resolvers: &[Resolver], wanted: &[Wanted]) -> Declared {
    let by_name: BTreeMap<&str, &Resolver> = resolvers.iter().map(|r| (r.name.as_str(), r)).collect();
    let mut sets: Vec<(&Resolver, Vec<String>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for want in wanted {
        let names = want.names();
        let Some(resolver) = by_name.get(want.resolver.as_str()) else { continue };
        let sorted: BTreeSet<String> = names.iter().cloned().collect();
        if !names.is_empty() && seen.insert((want.resolver.clone(), sorted)) {
            sets.push((resolver, names));
        }
    }
    let larger = larger_sets(&seen);
    let covered = |resolver: &Resolver, names: &[String]| {
        let first = names.first().and_then(|name| larger.get(&(resolver.name.as_str(), name.as_str())));
        first.is_some_and(|sets| {
            sets.iter().any(|set| set.len() > names.len() && names.iter().all(|name| set.contains(name)))
        })
    };
    Declared {
        issuers: resolvers.iter().map(|resolver| issuer(place, resolver)).collect(),
        certificates: sets
            .iter()
            .filter(|(r, names)| !covered(r, names))
            .map(|(r, names)| certificate(place, r, names))
            .collect(),
        secrets: resolvers.iter().filter_map(|resolver| binding(place, resolver)).collect(),
        ingresses: Vec::new(),
    }
}

/// The sets of several names, by resolver and by each of their names.
fn larger_sets(seen: &BTreeSet<(String, BTreeSet<String>)>) -> BTreeMap<(&str, &str), Vec<&BTreeSet<String>>> {
    let mut larger: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (resolver, set) in seen.iter().filter(|(_, set)| set.len() > 1) {
        for name in set {
            larger.entry((resolver.as_str(), name.as_str())).or_default().push(set);
        }
    }
    larger
}

fn issuer(place: &Place, resolver: &Resolver) -> Issuer {
    let mut metadata = Meta::named(Key::new("", resolver.name.clone()));
    metadata.labels = place.labels(&resolver.name);
    metadata.annotations = annotations(resolver);
    let bundle = &resolver.ca_certificates;
    let acme = AcmeSpec {
        email: resolver.email.clone(),
        server: resolver.ca_server.clone(),
        ca_bundle: if bundle.is_empty() { String::new() } else { STANDARD.encode(bundle) },
        preferred_chain: resolver.preferred_chain.clone(),
        profile: resolver.profile.clone(),
        private_key_secret_ref: SecretKeyRef { name: place.account_secret(&resolver.name), key: String::new() },
        external_account_binding: resolver.eab.as_ref().map(|(key_id, _)| ExternalAccountBinding {
            key_id: key_id.clone(),
            key_secret_ref: SecretKeyRef { name: place.binding_secret(&resolver.name), key: String::new() },
        }),
        solvers: vec![Solver { http01: Some(Http01::default()), ..Solver::default() }],
        ..AcmeSpec::default()
    };
    Object { metadata, spec: IssuerSpec { acme: Some(acme), ..IssuerSpec::default() }, status: IssuerStatus::default() }
}

/// The options that an issuer has no field for.
fn annotations(resolver: &Resolver) -> BTreeMap<String, String> {
    let default = Timeouts::default();
    let duration = |is: Duration, default: Duration| (is != default).then(|| GoDuration(is).to_string());
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let challenge = (resolver.challenge != Method::Http01).then(|| resolver.challenge.to_string());
    let annotations = [
        (CHALLENGE_TYPE, challenge),
        (CA_SERVER_NAME, text(&resolver.ca_server_name)),
        (CA_SYSTEM_CERT_POOL, resolver.ca_system_cert_pool.then(|| "true".to_owned())),
        (CLIENT_TIMEOUT, duration(resolver.timeouts.exchange, default.exchange)),
        (CLIENT_HEAD_TIMEOUT, duration(resolver.timeouts.head, default.head)),
        (CHALLENGE_DELAY, duration(resolver.challenge_delay, Duration::ZERO)),
    ];
    annotations.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Returns how long before their end Traefik renews certificates that live for `duration`; `None` for its default, which
/// leaves it to the certificate's own life time.
fn renew_before(duration: Duration) -> Option<GoDuration> {
    const HOUR: u64 = 3600;
    let seconds = match duration.as_secs() {
        _ if duration == CERTIFICATES_DURATION => return None,
        lives if lives >= 365 * DAY => 120 * DAY,
        lives if lives >= 90 * DAY => 30 * DAY,
        lives if lives >= 30 * DAY => 10 * DAY,
        lives if lives >= 6 * DAY => 2 * DAY,
        lives if lives >= DAY => 6 * HOUR,
        _ => HOUR / 3,
    };
    Some(GoDuration::from_secs(seconds))
}

fn binding(place: &Place, resolver: &Resolver) -> Option<Secret> {
    let (_, key) = resolver.eab.as_ref()?;
    let metadata = Meta::named(Key::new(place.namespace(), place.binding_secret(&resolver.name)));
    let data = BTreeMap::from([("secret".to_owned(), key.clone().into_bytes())]);
    Some(Secret::new(metadata, "Opaque", data))
}

fn reference(resolver: &str) -> IssuerRef {
    IssuerRef { name: resolver.to_owned(), kind: "ClusterIssuer".to_owned(), group: String::new() }
}

fn certificate(place: &Place, resolver: &Resolver, names: &[String]) -> Certificate {
    let name = place.certificate_name(&resolver.name, names);
    let (ip_addresses, dns_names): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| name.parse::<IpAddr>().is_ok());
    let main = names.first().filter(|main| !resolver.disable_common_name && main.len() <= 64);
    let labels = place.labels(&resolver.name);
    let template = SecretTemplate { labels: labels.clone(), ..SecretTemplate::default() };
    let spec = CertificateSpec {
        secret_name: name.clone(),
        issuer_ref: reference(&resolver.name),
        common_name: main.cloned().unwrap_or_default(),
        dns_names,
        ip_addresses,
        email_addresses: resolver.email_addresses.clone(),
        renew_before: renew_before(resolver.certificates_duration),
        private_key: Some(resolver.key_type.spec()),
        secret_template: (!labels.is_empty()).then_some(template),
        ..CertificateSpec::default()
    };
    let mut metadata = Meta { labels, ..Meta::named(Key::new(place.namespace(), name)) };
    if !resolver.email_addresses.is_empty() {
        metadata.annotations.insert(EMAIL_NAMES.to_owned(), "true".to_owned());
    }
    Object { metadata, spec, status: CertificateStatus::default() }
}
