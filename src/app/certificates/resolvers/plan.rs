//! The resolvers of the settings, and what an earlier state holds for them.

use crate::app::certificates::planned;
use crate::app::obstacles::Obstacles;
use crate::app::prepare::authority;
use crate::app::sources::wants_cluster;
use crate::settings::{self, AcmeResolver, Settings};
use flow_acme::ca::Timeouts;
use flow_acme::http01::Method;
use flow_acme::objects::Secret;
use flow_acme::resolvers::{Imported, Place, Resolver, import, moved};
use flow_acme::store::folder::FolderStore;
use flow_model::diagnostic::causes;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The resolvers, by where they keep what they have.
pub(crate) enum Plan {
    /// One process: a folder beside each storage.
    Folders(Vec<FolderPlan>),
    /// A cluster: all in one namespace.
    Cluster(ClusterPlan),
}

/// Resolvers that share one storage.
pub(crate) struct FolderPlan {
    pub(super) storage: PathBuf,
    pub(super) resolvers: Vec<Resolver>,
    /// Accounts and certificates in Traefik's file, if there is one.
    pub(super) imported: Option<Imported>,
}

/// The resolvers of a cluster.
pub(crate) struct ClusterPlan {
    pub(super) place: Place,
    pub(super) resolvers: Vec<Resolver>,
    /// Traefik's files that there are, with the accounts and certificates in them.
    pub(super) imported: Vec<(PathBuf, Imported)>,
    /// Those in folders of processes that ran without a cluster.
    pub(super) earlier: Vec<Secret>,
}

/// The plan for all resolvers of the settings; obstacles go into `found`.
pub(crate) fn plan(settings: &Settings, found: &mut Obstacles) -> Plan {
    let mut folders: BTreeMap<&Path, FolderPlan> = BTreeMap::new();
    let mut earlier = Vec::new();
    let in_cluster = wants_cluster(settings) && !settings.certificates_resolvers.is_empty();
    let place = if in_cluster { Place::cluster(planned(settings).cluster_resource_namespace) } else { Place::folder() };
    for (name, resolver) in &settings.certificates_resolvers {
        let Some(acme) = &resolver.acme else { continue };
        let resolver = of_settings(name, acme, found);
        let plan = folders.entry(&acme.storage).or_insert_with(|| {
            let option = format!("certificatesResolvers.{name}.acme.storage");
            let imported = imported(&place, &acme.storage, &option, found);
            if in_cluster {
                earlier.extend(moved_from(&place, &acme.storage, &option, found));
            } else {
                found.or(&option, FolderStore::check(&folder(&acme.storage)));
            }
            FolderPlan { storage: acme.storage.clone(), resolvers: Vec::new(), imported }
        });
        plan.resolvers.extend(resolver);
    }
    if !in_cluster {
        return Plan::Folders(folders.into_values().collect());
    }
    let (mut resolvers, mut imported) = (Vec::new(), Vec::new());
    for plan in folders.into_values() {
        resolvers.extend(plan.resolvers);
        imported.extend(plan.imported.map(|imported| (plan.storage, imported)));
    }
    Plan::Cluster(ClusterPlan { place, resolvers, imported, earlier })
}

/// The folder beside Traefik's file, which is never written.
pub(super) fn folder(storage: &Path) -> PathBuf {
    let mut folder = storage.as_os_str().to_owned();
    folder.push(".d");
    folder.into()
}

/// What Traefik's file holds.
fn imported(place: &Place, storage: &Path, option: &str, found: &mut Obstacles) -> Option<Imported> {
    match std::fs::read(storage) {
        Ok(json) if json.is_empty() => None,
        Ok(json) => match import(place, &json) {
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

/// What the folder of a process without a cluster holds.
fn moved_from(place: &Place, storage: &Path, option: &str, found: &mut Obstacles) -> Vec<Secret> {
    let folder = folder(storage);
    if !folder.is_dir() {
        return Vec::new();
    }
    found.or(option, FolderStore::read(&folder)).map(|view| moved(&view, &Place::folder(), place)).unwrap_or_default()
}

/// Returns the Secrets of Traefik's file. Tells what is not taken over.
pub(super) fn told(storage: &Path, imported: Imported) -> Vec<Secret> {
    for why in &imported.passed_over {
        tracing::warn!(file = %storage.display(), "not taken over: {why}");
    }
    let readers = std::fs::metadata(storage).map_or(0, |metadata| metadata.permissions().mode() & 0o077);
    if readers != 0 && !imported.secrets.is_empty() {
        tracing::warn!(file = %storage.display(), "others than its owner may read the private keys in it: chmod 600");
    }
    imported.secrets
}

fn of_settings(name: &str, acme: &AcmeResolver, found: &mut Obstacles) -> Option<Resolver> {
    let challenge = if acme.dns_persist_challenge {
        Method::DnsPersist01
    } else if acme.http_challenge.is_some() {
        Method::Http01
    } else {
        Method::TlsAlpn01
    };
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
        ca_system_cert_pool: acme.ca_system_cert_pool,
        ca_server_name: acme.ca_server_name.clone(),
        timeouts: Timeouts { exchange: acme.client_timeout, head: acme.client_response_header_timeout },
        challenge_delay: match (&acme.http_challenge, &acme.tls_challenge) {
            (Some(http), _) => http.delay,
            (None, tls) => tls.as_ref().map(|tls| tls.delay).unwrap_or_default(),
        },
        email_addresses: acme.email_addresses.clone(),
        certificates_duration: acme.certificates_duration.0,
        ..Resolver::new(name, challenge)
    })
}

fn eab(eab: &settings::ExternalAccount) -> (String, String) {
    (eab.kid.clone(), eab.hmac_encoded.expose().to_owned())
}
