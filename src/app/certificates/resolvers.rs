//! Traefik's `certificatesResolvers`: what routers want, and the certificates that come of it.

use super::Office;
use crate::app::Refusal;
use crate::settings::{self, AcmeResolver, KeyType, Settings};
use flow_acme::http01::{ChallengeTable, Method};
use flow_acme::planner::Kind;
use flow_acme::resolvers::{self, Resolver, Wanted, declare, import};
use flow_acme::store::Store as _;
use flow_acme::store::folder::{FolderStore, Served};
use flow_model::config::{Certificate, Config, RuleSyntax};
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::name::Name;
use flow_model::rule::Rule;
use flow_model::runtime::Runtime;
use flow_proxy_core::compile::Source;
use futures_util::future::select_all;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// The provider of their certificates.
const PROVIDER: &str = "acme";

/// All resolvers; those with the same storage share a store.
#[derive(Default)]
pub(crate) struct Resolvers {
    sets: Vec<Set>,
    config: Arc<Config>,
}

struct Set {
    resolvers: Vec<Resolver>,
    store: Arc<FolderStore>,
    table: Arc<ChallengeTable>,
    changes: watch::Receiver<u64>,
    wanted: Option<Vec<Wanted>>,
    served: Served,
}

impl Resolvers {
    /// Opens the stores, and takes over what a file of Traefik's holds.
    ///
    /// # Errors
    /// A resolver cannot work as it is set, or its storage cannot be used.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Refusal> {
        let mut by_storage: BTreeMap<PathBuf, Vec<Resolver>> = BTreeMap::new();
        for (name, resolver) in &settings.certificates_resolvers {
            if let Some(acme) = &resolver.acme {
                by_storage.entry(acme.storage.clone()).or_default().push(of_settings(name, acme)?);
            }
        }
        let sets = by_storage.into_iter().map(|(storage, resolvers)| open(&storage, resolvers));
        Ok(Self { sets: sets.collect::<Result<_, _>>()?, config: Arc::default() })
    }

    /// What they prove to CAs.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Arc<ChallengeTable>> {
        self.sets.iter().map(|set| Arc::clone(&set.table))
    }

    /// Starts to issue, on the current runtime.
    pub(crate) fn start(&mut self, office: &Office) {
        for set in &self.sets {
            office.start(Arc::clone(&set.store), Arc::clone(&set.table), resolvers::settings());
        }
        self.look();
    }

    /// Waits until something else is served than before.
    pub(crate) async fn changed(&mut self) {
        if self.sets.is_empty() {
            return std::future::pending().await;
        }
        loop {
            // The stores live as long as this.
            let _ = select_all(self.sets.iter_mut().map(|set| Box::pin(set.changes.changed()))).await;
            if self.look() {
                return;
            }
        }
    }

    fn look(&mut self) -> bool {
        let mut changed = false;
        for set in &mut self.sets {
            let served = Served::of(&set.store.view());
            if set.served != served {
                set.served = served;
                changed = true;
            }
        }
        if changed {
            let secrets = self.sets.iter().flat_map(|set| &set.served.secrets);
            let certificates = secrets.map(|secret| self.certificate(secret));
            self.config = Arc::new(Config { certificates: certificates.collect(), ..Config::default() });
        }
        changed
    }

    /// A certificate for the data plane; the same as before where it did not change.
    fn certificate(&self, secret: &flow_acme::objects::Secret) -> Arc<Certificate> {
        let entry = |name: &str| secret.entry(name).unwrap_or_default().to_vec();
        let made = Certificate {
            origin: Name::from(format!("{PROVIDER}-{}", secret.metadata.name)),
            chain: entry("tls.crt"),
            key: entry("tls.key"),
        };
        let kept = self.config.certificates.iter().find(|kept| ***kept == made);
        kept.map_or_else(|| Arc::new(made), Arc::clone)
    }

    /// The certificates to serve.
    pub(crate) fn source(&self) -> Option<Source> {
        (!self.sets.is_empty()).then(|| Source { provider: Name::from(PROVIDER), config: Arc::clone(&self.config) })
    }

    /// Asks for what the served routers want. Says what is wrong with that, and with what was asked for before.
    pub(crate) fn declare(&mut self, runtime: &Runtime) -> Vec<Diagnostic> {
        let mut wanted = Vec::new();
        let mut found = Vec::new();
        for (name, info) in &runtime.routers {
            let tls = info.router.tls.as_deref().or(info.inherited.tls.as_ref());
            let Some(tls) = tls.filter(|tls| !tls.cert_resolver.is_empty()) else { continue };
            let resolver = &*tls.cert_resolver;
            if !self.sets.iter().any(|set| set.resolvers.iter().any(|known| known.name == resolver)) {
                let message = format!(
                    "certificate resolver {resolver} does not exist: define certificatesResolvers.{resolver}.acme"
                );
                found.push(Diagnostic::warning(Subject::new("router", "", Arc::clone(name)), message));
                continue;
            }
            let want = |main: &str, sans: &[String]| Wanted {
                resolver: resolver.to_owned(),
                main: main.to_owned(),
                sans: sans.to_vec(),
            };
            if tls.domains.is_empty() {
                let syntax = info.router.rule_syntax.or(info.inherited.rule_syntax).unwrap_or(RuleSyntax::Default);
                let rule = Rule::parse(&info.router.rule, syntax).ok();
                let mut hosts = rule.iter().flat_map(Rule::hosts).map(str::to_owned);
                if let Some(main) = hosts.next() {
                    wanted.push(want(&main, &hosts.collect::<Vec<_>>()));
                }
            } else {
                wanted.extend(tls.domains.iter().map(|domain| want(&domain.main, &domain.sans)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        for set in &mut self.sets {
            let ours = wanted.iter().filter(|want| set.resolvers.iter().any(|known| known.name == want.resolver));
            let ours: Vec<_> = ours.cloned().collect();
            if set.wanted.as_ref() != Some(&ours) {
                if let Err(error) = set.store.declare(declare(&set.resolvers, &ours)) {
                    tracing::error!(error = told(&error), "certificates are not asked for");
                }
                set.wanted = Some(ours);
            }
            found.extend(set.served.troubles.iter().map(|trouble| {
                let kind = if trouble.kind == Kind::Issuer { "CertificateResolver" } else { "Certificate" };
                Diagnostic::warning(Subject::new(kind, "", trouble.key.name.as_str()), trouble.message.clone())
            }));
        }
        found.sort_unstable();
        found
    }
}

fn open(storage: &Path, resolvers: Vec<Resolver>) -> Result<Set, Refusal> {
    // A file of Traefik's stays as it is; what is issued here is beside it.
    let mut folder = storage.as_os_str().to_owned();
    folder.push(".d");
    let store = FolderStore::open(Path::new(&folder))?;
    match std::fs::read(storage) {
        Ok(json) if !json.is_empty() => {
            let imported =
                import(&json).map_err(|error| format!("certificatesResolvers: {}: {error}", storage.display()))?;
            for why in &imported.passed_over {
                tracing::warn!(file = %storage.display(), "not taken over: {why}");
            }
            let taken = store.import(imported.secrets)?;
            if taken > 0 {
                tracing::info!(file = %storage.display(), secrets = taken, "accounts and certificates were taken over");
            }
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("certificatesResolvers: cannot read {}: {error}", storage.display()).into());
        }
        _ => {}
    }
    let changes = store.changes();
    let (store, table) = (Arc::new(store), ChallengeTable::new());
    Ok(Set { resolvers, store, table, changes, wanted: None, served: Served::default() })
}

fn of_settings(name: &str, acme: &AcmeResolver) -> Result<Resolver, Refusal> {
    let challenge = match (&acme.http_challenge, &acme.tls_challenge) {
        (Some(_), _) => Method::Http01,
        (None, Some(_)) => Method::TlsAlpn01,
        (None, None) => {
            let message =
                format!("certificatesResolvers.{name}.acme proves names in no way: give httpChallenge or tlsChallenge");
            return Err(message.into());
        }
    };
    let mut ca_certificates = Vec::new();
    for ca in &acme.ca_certificates {
        ca_certificates.extend(super::super::pem(ca, &format!("certificatesResolvers.{name}.acme.caCertificates"))?);
        ca_certificates.push(b'\n');
    }
    Ok(Resolver {
        email: acme.email.clone(),
        ca_server: acme.ca_server.clone(),
        ca_certificates,
        key_type: match acme.key_type {
            KeyType::Ec256 => resolvers::KeyType::Ec256,
            KeyType::Ec384 => resolvers::KeyType::Ec384,
            KeyType::Rsa2048 => resolvers::KeyType::Rsa2048,
            KeyType::Rsa4096 => resolvers::KeyType::Rsa4096,
            KeyType::Rsa8192 => {
                return Err(
                    format!("certificatesResolvers.{name}.acme.keyType: RSA8192 is not made; use RSA4096").into()
                );
            }
        },
        preferred_chain: acme.preferred_chain.clone(),
        profile: acme.profile.clone(),
        disable_common_name: acme.disable_common_name,
        eab: acme.eab.as_ref().map(eab),
        ..Resolver::new(name, challenge)
    })
}

fn eab(eab: &settings::ExternalAccount) -> (String, String) {
    (eab.kid.clone(), eab.hmac_encoded.expose().to_owned())
}

/// An error with its cause.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
