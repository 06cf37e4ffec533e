//! Traefik's `certificatesResolvers`: the certificates that routers request, and those that were issued.

use super::Engines;
use crate::app::Refusal;
use crate::app::obstacles::Obstacles;
use crate::app::prepare::authority;
use crate::settings::{self, AcmeResolver, Settings};
use flow_acme::http01::{ChallengeTable, Method};
use flow_acme::planner::Kind;
use flow_acme::resolvers::{self, Imported, Resolver, Wanted, declare, import};
use flow_acme::store::Store as _;
use flow_acme::store::folder::{FolderStore, Served};
use flow_model::config::{Certificate, Config, GeneratedCertificate, RuleSyntax, Source, precedence};
use flow_model::diagnostic::causes;
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::name::Name;
use flow_model::rule::Rule;
use flow_model::runtime::Runtime;
use futures_util::future::select_all;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// The provider's name of resolvers' certificates.
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
    /// Opens the stores, and imports accounts and certificates from Traefik's file.
    ///
    /// # Errors
    /// A storage cannot be opened or written.
    pub(crate) fn open(plans: Vec<Plan>) -> Result<Self, Refusal> {
        Ok(Self { sets: plans.into_iter().map(open).collect::<Result<_, _>>()?, config: Arc::default() })
    }

    /// The tables of challenges, one for each store.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Arc<ChallengeTable>> {
        self.sets.iter().map(|set| Arc::clone(&set.table))
    }

    /// Starts to issue, on the current runtime.
    pub(crate) fn start(&mut self, engines: &Engines) {
        for set in &self.sets {
            engines.start(Arc::clone(&set.store), Arc::clone(&set.table), resolvers::settings());
        }
        self.refresh();
    }

    /// Waits until the served certificates or their problems change.
    pub(crate) async fn changed(&mut self) {
        if self.sets.is_empty() {
            return std::future::pending().await;
        }
        loop {
            // An error is impossible: `self` keeps the stores, and so the senders, alive.
            let _ = select_all(self.sets.iter_mut().map(|set| Box::pin(set.changes.changed()))).await;
            if self.refresh() {
                return;
            }
        }
    }

    fn refresh(&mut self) -> bool {
        let mut changed = false;
        for set in &mut self.sets {
            let served = set.store.served();
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

    /// A certificate for the data plane; the same `Arc` as before if it did not change.
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
        (!self.sets.is_empty()).then(|| Source::new(PROVIDER, precedence::LAST, Arc::clone(&self.config)))
    }

    /// Requests the certificates that served routers name. Returns the problems with these requests and earlier ones.
    pub(crate) fn declare(&mut self, runtime: &Runtime) -> Vec<Diagnostic> {
        let known = |name: &str| self.sets.iter().any(|set| set.resolvers.iter().any(|known| known.name == name));
        let (wanted, mut found) = wanted(runtime, known);
        for set in &mut self.sets {
            let ours = wanted.iter().filter(|want| set.resolvers.iter().any(|known| known.name == want.resolver));
            let ours: Vec<_> = ours.cloned().collect();
            if set.wanted.as_ref() != Some(&ours) {
                if let Err(error) = set.store.declare(declare(&set.resolvers, &ours)) {
                    tracing::error!(error = causes(&error), "certificates are not asked for");
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

/// The certificates that served routers, and the TLS store, request from known resolvers, and the problems with these
/// requests.
pub(crate) fn wanted(runtime: &Runtime, known: impl Fn(&str) -> bool) -> (Vec<Wanted>, Vec<Diagnostic>) {
    let mut wanted = Vec::new();
    let mut found = Vec::new();
    let unknown = |subject, resolver: &str| {
        let message =
            format!("certificate resolver {resolver} does not exist: define certificatesResolvers.{resolver}.acme");
        Diagnostic::warning(subject, message)
    };
    if let Some(GeneratedCertificate { resolver, domain }) = &runtime.default_certificate {
        if known(resolver) {
            let (resolver, main) = (resolver.to_string(), domain.main.clone());
            wanted.push(Wanted { resolver, main, sans: domain.sans.clone() });
        } else {
            found.push(unknown(Subject::new("TLSStore", "", "default"), resolver));
        }
    }
    for (name, info) in &runtime.resolving {
        let Some(tls) = info.resolving() else { continue };
        let resolver = &*tls.cert_resolver;
        if !known(resolver) {
            found.push(unknown(Subject::new("router", "", Arc::clone(name)), resolver));
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
    (wanted, found)
}

/// Resolvers that share one storage, and what Traefik has stored in it.
pub(crate) struct Plan {
    storage: PathBuf,
    resolvers: Vec<Resolver>,
    /// Accounts and certificates in Traefik's file, if there is one.
    imported: Option<Imported>,
}

/// The plans for all resolvers of the settings; obstacles go into `found`.
pub(crate) fn plan(settings: &Settings, found: &mut Obstacles) -> Vec<Plan> {
    let mut plans: BTreeMap<&Path, Plan> = BTreeMap::new();
    for (name, resolver) in &settings.certificates_resolvers {
        let Some(acme) = &resolver.acme else { continue };
        let resolver = of_settings(name, acme, found);
        let plan = plans.entry(&acme.storage).or_insert_with(|| {
            let option = format!("certificatesResolvers.{name}.acme.storage");
            found.or(&option, FolderStore::check(&folder(&acme.storage)));
            let imported = imported(&acme.storage, &option, found);
            Plan { storage: acme.storage.clone(), resolvers: Vec::new(), imported }
        });
        plan.resolvers.extend(resolver);
    }
    plans.into_values().collect()
}

/// The folder beside Traefik's file, which is never written.
fn folder(storage: &Path) -> PathBuf {
    let mut folder = storage.as_os_str().to_owned();
    folder.push(".d");
    folder.into()
}

fn imported(storage: &Path, option: &str, found: &mut Obstacles) -> Option<Imported> {
    match std::fs::read(storage) {
        Ok(json) if json.is_empty() => None,
        Ok(json) => match import(&json) {
            Ok(imported) => Some(imported),
            Err(error) => {
                let (file, why) = (storage.display(), causes(&error));
                let message = format!("{file}: {why}; correct it, or move it away: certificates are then issued anew");
                found.add(option, message);
                None
            }
        },
        // A path below a file holds nothing either; the check of the folder reports that.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => {
            let file = storage.display();
            let message = format!("cannot read {file}: {error}; let this process read it, or name another storage");
            found.add(option, message);
            None
        }
    }
}

fn open(plan: Plan) -> Result<Set, Refusal> {
    let Plan { storage, resolvers, imported } = plan;
    let store = FolderStore::open(&folder(&storage), resolvers::settings())?;
    if let Some(imported) = imported {
        for why in &imported.passed_over {
            tracing::warn!(file = %storage.display(), "not taken over: {why}");
        }
        let readers = std::fs::metadata(&storage).map_or(0, |metadata| metadata.permissions().mode() & 0o077);
        if readers != 0 && !imported.secrets.is_empty() {
            tracing::warn!(file = %storage.display(), "others than its owner may read the private keys in it: chmod 600");
        }
        let taken = store.import(imported.secrets)?;
        if taken > 0 {
            tracing::info!(file = %storage.display(), secrets = taken, "accounts and certificates were taken over");
        }
    }
    let changes = store.changes();
    let (store, table) = (Arc::new(store), ChallengeTable::new());
    Ok(Set { resolvers, store, table, changes, wanted: None, served: Served::default() })
}

fn of_settings(name: &str, acme: &AcmeResolver, found: &mut Obstacles) -> Option<Resolver> {
    let challenge = if acme.http_challenge.is_some() { Method::Http01 } else { Method::TlsAlpn01 };
    let option = format!("certificatesResolvers.{name}.acme.caCertificates");
    let mut ca_certificates = Vec::new();
    for ca in &acme.ca_certificates {
        ca_certificates.extend(authority(ca, &option, found)?);
        ca_certificates.push(b'\n');
    }
    Some(Resolver {
        email: acme.email.clone(),
        ca_server: acme.ca_server.clone(),
        ca_certificates,
        key_type: acme.key_type,
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
