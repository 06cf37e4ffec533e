//! Preparation of a start from the settings and the files that they name, before a port is bound. `check` runs it too,
//! so that it finds whatever a start would refuse.

use super::certificates::{Plan, plan};
use super::obstacles::Obstacles;
use super::{entry_points, observability, sources};
use crate::settings::{Mistakes, Settings, Warning};
use flow_model::config::ServersTransport;
use flow_model::diagnostic::causes;
use flow_model::entry_point::EntryPoint;
use proxy::forward::{OutboundProxies, OutboundProxyError, Transport, Tunnels};
use proxy::listener::check_apart;
use proxy::metrics::Metrics;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// The result of a preparation: all that a start needs.
pub(crate) struct Prepared {
    pub(super) entry_points: Arc<[Arc<EntryPoint>]>,
    pub(super) log_filter: EnvFilter,
    pub(super) metrics: Option<Arc<Metrics>>,
    pub(super) default_transport: ServersTransport,
    /// The proxies on the way to servers.
    pub(super) proxies: Arc<OutboundProxies>,
    pub(super) resolvers: Plan,
    /// Warnings for the operator.
    pub(crate) warnings: Vec<Warning>,
}

/// Prepares a start.
///
/// # Errors
/// All mistakes that prevent the start.
pub(crate) fn prepare(settings: &Settings) -> Result<Prepared, Mistakes> {
    let mut found = Obstacles::default();
    let mut warnings = Vec::new();
    let entry_points = entry_points(settings, &mut found);
    let log_filter = found.or("log.filter", observability::log_filter(&settings.log)).unwrap_or_default();
    let metrics = found.or("metrics.prometheus", observability::metrics(settings)).flatten();
    let default_transport = default_transport(settings, &mut found);
    let proxies = proxies(&mut found, &mut warnings);
    let resolvers = plan(settings, &mut found);
    let logs = [
        ("log.filePath", settings.log.file_path.as_deref()),
        ("accessLog.filePath", settings.access_log.as_ref().and_then(|log| log.file_path.as_deref())),
    ];
    for (option, path) in logs.into_iter().filter_map(|(option, path)| Some((option, path?))) {
        if let Err(error) = appendable(path) {
            found.add(option, format!("cannot open {} for appending: {error}", path.display()));
        }
    }
    sources::look(settings, &mut found, &mut warnings);
    if !found.0.is_empty() {
        return Err(Mistakes(found.0));
    }
    Ok(Prepared { entry_points, log_filter, metrics, default_transport, proxies, resolvers, warnings })
}

/// All TCP entry points, sorted by name; empty if one has no address.
fn entry_points(settings: &Settings, found: &mut Obstacles) -> Arc<[Arc<EntryPoint>]> {
    let points = match entry_points::entry_points(settings) {
        Ok(points) => points,
        Err(errors) => {
            for error in errors {
                found.add(format!("entryPoints.{}.address", error.name), causes(&error));
            }
            return Arc::default();
        }
    };
    // Only now, resolved, can two host names turn out to be the same address.
    found.or("entryPoints", check_apart(&points));
    points
}

fn default_transport(settings: &Settings, found: &mut Obstacles) -> ServersTransport {
    const OPTION: &str = "serversTransport.rootCAs";
    let from = &settings.servers_transport;
    let root_cas = from.root_cas.iter().filter_map(|ca| authority(ca, OPTION, found)).collect();
    let transport = ServersTransport {
        insecure_skip_verify: from.insecure_skip_verify,
        root_cas,
        max_idle_connections: usize::try_from(from.max_idle_conns_per_host).unwrap_or(0),
        timeouts: from.forwarding_timeouts,
        spiffe: from.spiffe.clone(),
        ..ServersTransport::default()
    };
    found.or("serversTransport", Transport::compile(&transport, &Tunnels::new(), &Arc::default()));
    transport
}

/// The proxies of the environment. One that Go would ignore is a warning, and one that would be asked there, but is not
/// served here, keeps the start from sending requests another way than they were meant to go.
fn proxies(found: &mut Obstacles, warnings: &mut Vec<Warning>) -> Arc<OutboundProxies> {
    let (proxies, errors) = OutboundProxies::read(|variable| std::env::var(variable).ok());
    for error in errors {
        match error {
            OutboundProxyError::Ignored { .. } => warnings.push(error.into()),
            OutboundProxyError::Scheme { variable, .. } => found.add(variable, error.to_string()),
        }
    }
    Arc::new(proxies)
}

/// CA certificates as PEM, given as a file or, as in Traefik, as text. `None`, with an obstacle, if there are none.
pub(super) fn authority(given: &str, option: &str, found: &mut Obstacles) -> Option<Vec<u8>> {
    let pem = pem(given, option, found)?;
    let alone = ServersTransport { root_cas: vec![pem.clone()], ..ServersTransport::default() };
    if let Err(error) = Transport::compile(&alone, &Tunnels::new(), &Arc::default()) {
        let what = if given.contains("-----BEGIN") { "the text given" } else { given };
        let why = error.to_string();
        // The index in a list of one tells nothing.
        let why = why.strip_prefix("root certificate 0: ").unwrap_or(&why);
        found.add(option, format!("{what} holds no certificate that can be read: {why}"));
        return None;
    }
    Some(pem)
}

fn pem(given: &str, option: &str, found: &mut Obstacles) -> Option<Vec<u8>> {
    if given.contains("-----BEGIN") {
        return Some(given.as_bytes().to_vec());
    }
    std::fs::read(given).map_err(|error| found.add(option, format!("cannot read {given}: {error}"))).ok()
}

/// Checks that a file can be opened for appending. A missing file is created and removed again; pipes and devices are
/// not opened.
fn appendable(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => Ok(()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            OpenOptions::new().append(true).create_new(true).open(path)?;
            std::fs::remove_file(path)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::settings::{self, Command};

    /// The obstacles to a start with these flags.
    fn obstacles(flags: &[&str]) -> Vec<String> {
        let no_file = |_: &Path| Err(ErrorKind::NotFound.into());
        let Ok(Command::Run(settings, _)) = settings::parse(flags.iter().map(|&flag| flag.to_owned()), [], &no_file)
        else {
            panic!("{flags:?} are no settings");
        };
        prepare(&settings)
            .err()
            .map(|mistakes| mistakes.0.iter().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    #[test]
    fn all_obstacles_are_found_at_once_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("no.pem"), "not a certificate").unwrap();
        std::fs::write(at("acme.json"), "{").unwrap();
        std::fs::write(at("file"), "").unwrap();
        let flags = [
            format!("--log.filepath={}", at("nowhere/log")),
            format!("--accesslog.filepath={}", folder.path().display()),
            format!("--serverstransport.rootcas={}", at("no.pem")),
            "--entrypoints.web.address=no.such.host.invalid:80".to_owned(),
            "--certificatesresolvers.a.acme.tlschallenge".to_owned(),
            format!("--certificatesresolvers.a.acme.storage={}", at("acme.json")),
            format!("--certificatesresolvers.a.acme.cacertificates={}", at("missing.pem")),
            "--certificatesresolvers.b.acme.tlschallenge".to_owned(),
            format!("--certificatesresolvers.b.acme.storage={}", at("file/acme.json")),
            format!("--providers.manifests.directory={}", at("missing")),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let found = obstacles(&flags);
        let starts = [
            "entryPoints.web.address: ",
            "serversTransport.rootCAs: ",
            "certificatesResolvers.a.acme.caCertificates: cannot read ",
            "certificatesResolvers.a.acme.storage: ",
            "certificatesResolvers.b.acme.storage: ",
            "log.filePath: cannot open ",
            "accessLog.filePath: cannot open ",
            "providers.manifests.directory: ",
        ];
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found} begins with {start}");
        }
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["acme.json", "file", "no.pem"]);
    }

    #[test]
    fn what_can_start_is_found_free_of_obstacles() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("access.log"), "a line\n").unwrap();
        let flags = [
            format!("--log.filepath={}", at("log")),
            format!("--accesslog.filepath={}", at("access.log")),
            "--certificatesresolvers.a.acme.tlschallenge".to_owned(),
            format!("--certificatesresolvers.a.acme.storage={}", at("new/acme.json")),
            format!("--providers.manifests.directory={}", folder.path().display()),
        ];
        assert_eq!(obstacles(&flags.iter().map(String::as_str).collect::<Vec<_>>()), [""; 0]);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["access.log"]);
        assert_eq!(std::fs::read_to_string(at("access.log")).unwrap(), "a line\n");
    }

    #[test]
    fn names_of_one_address_are_seen_to_overlap() {
        let flags = ["--entrypoints.a.address=localhost:8080", "--entrypoints.b.address=127.0.0.1:8080"];
        // Some machines resolve localhost to ::1 only; the two are then different.
        let found = obstacles(&flags);
        assert!(found.iter().all(|found| found.starts_with("entryPoints: entry points a and b would both listen on")));
    }
}
