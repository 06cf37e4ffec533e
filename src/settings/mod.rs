//! Static configuration, read once at the start, with Traefik's names, defaults and sources.
//!
//! [`parse`] turns arguments, environment and at most one file into a [`Command`], or into all [`Mistakes`] at once.
//! The options are the tables in the files beside this one; see [`schema`] for the mechanism that reads them.

mod address;
mod audit;
mod certificate;
mod entry_point;
mod help;
mod mistake;
mod nearest;
mod node;
mod observability;
mod operation;
mod provider;
mod provider_name;
mod reading;
mod rows;
mod scalar;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod validate;

pub use address::{Address, Protocol, RedirectTarget};
pub use certificate::{
    Acme, AcmeMode, AcmeResolver, CertificateResolver, DefaultIssuer, ExternalAccount, HttpChallenge, TlsChallenge,
};
pub use entry_point::{
    EntryPoint, Http, Http3, LifeCycle, Observability, RedirectEntryPoint, Redirections, RespondingTimeouts, Transport,
    Udp,
};
pub use help::CERT as CERT_HELP;
pub use mistake::{Mistake, Mistakes, Origin, Warning};
pub use observability::{
    AccessLog, AccessLogFields, HeaderFields, Log, LogFormat, LogLevel, Metrics, Prometheus, QueryParameters,
};
pub use operation::{Api, Core, Global, Ping, ServersTransport};
pub use provider::{ApiServer, File, KubernetesCrd, KubernetesIngress, Manifests, Providers};
pub use provider_name::ProviderName;
pub use scalar::{Hours, Secret};
pub use source::file::ReadFile;
pub(crate) use validate::name_server;

use mistake::Findings;
use node::{Given, Node};
use schema::{Value, section};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The default entry point of ping, metrics and the insecure API.
pub const INTERNAL: &str = "traefik";

section! {
    /// The whole static configuration.
    Settings {
        /// The file to read the configuration from.
        config_file: Option<PathBuf> = None, "configFile";
        /// Threads that serve; 0 is one for each usable CPU (not in Traefik).
        workers: u32 = 0, "workers";
        /// Threads take over each other's work, instead of each having connections of its own (not in Traefik).
        work_stealing: bool = false, "workStealing";
        /// Entry points, by name.
        entry_points: BTreeMap<String, EntryPoint> = BTreeMap::new(), "entryPoints";
        /// Where routes come from.
        providers: Providers = Providers::default(), "providers";
        /// Serves the API and the dashboard.
        api: Option<Api> = None, "api";
        /// Serves `/ping`.
        ping: Option<Ping> = None, "ping";
        /// Metrics.
        metrics: Metrics = Metrics::default(), "metrics";
        /// The program's own log.
        log: Log = Log::default(), "log";
        /// Writes the access log.
        access_log: Option<AccessLog> = None, "accessLog";
        /// How backends are reached unless a service says otherwise.
        servers_transport: ServersTransport = ServersTransport::default(), "serversTransport";
        /// Sources of certificates, by name.
        certificates_resolvers: BTreeMap<String, CertificateResolver> = BTreeMap::new(), "certificatesResolvers";
        /// Certificates for cert-manager's objects.
        acme: Acme = Acme::default(), "acme";
        /// The core.
        core: Core = Core::default(), "core";
        /// What Traefik does besides.
        global: Global = Global::default(), "global";
        also unserved {
            "experimental": "Plugins, FastProxy and other experiments.";
            "hostResolver": "CNAME flattening.";
            "hub": "Traefik Hub.";
            "ocsp": "OCSP stapling.";
            "spiffe": "SPIFFE.";
            "tcpServersTransport": "How TCP backends are reached.";
            "tracing": "Tracing by OpenTelemetry.";
        }
    }
}

impl Settings {
    /// The settings in effect as JSON under Traefik's names, secrets hidden.
    #[must_use]
    pub fn redacted(&self) -> serde_json::Value {
        self.show()
    }
}

/// The command that the program was started with.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Show or renew certificates: the words after `cert`, which have options of their own.
    Cert(Vec<String>),
    /// Check settings and manifests, and show the settings in effect.
    Check(Box<Settings>, Vec<Warning>),
    /// Serve the demo.
    Demo,
    /// Request `/ping`, which is on, of a running instance.
    Healthcheck(Box<Settings>),
    /// Print this text.
    Help(String),
    /// Serve.
    Run(Box<Settings>, Vec<Warning>),
    /// Print the version.
    Version,
}

/// Reads the program's arguments (without its name), the environment, and a file through `read_file`.
///
/// # Errors
/// All mistakes: those of single options first, then options that do not fit together.
pub fn parse(
    arguments: impl IntoIterator<Item = String>,
    environment: impl IntoIterator<Item = (String, String)>,
    read_file: ReadFile<'_>,
) -> Result<Command, Mistakes> {
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    let command = match arguments.first().filter(|first| !first.starts_with('-')) {
        Some(_) => arguments.remove(0),
        None => String::new(),
    };
    if command == "cert" {
        return Ok(Command::Cert(arguments));
    }
    if let Some(section) = asked_for_help(&command, &arguments) {
        let text = if section.is_empty() { Ok(help::text()) } else { help::section(section) };
        return text.map(Command::Help).map_err(|mistake| Mistakes(vec![mistake]));
    }
    if command == "version" || command.is_empty() && arguments.iter().any(|argument| argument == "--version") {
        return Ok(Command::Version);
    }
    let commands = || help::COMMANDS.iter().map(|page| page.name);
    if !command.is_empty() && !commands().any(|known| known == command) {
        let way_out = match nearest::word(&command, commands()) {
            Some(near) => format!("did you mean {near}?"),
            None => {
                format!("commands are {}, and options begin with --", commands().collect::<Vec<_>>().join(", "))
            }
        };
        return Err(Mistakes(vec![Mistake::Argument { argument: command, way_out }]));
    }
    if command == "demo" {
        let way_out = "demo takes no options: serve a folder of your own with --providers.manifests.directory=DIR";
        let mistake = |argument: &String| Mistake::Argument {
            argument: argument.split('=').next().unwrap_or_default().to_owned(),
            way_out: way_out.to_owned(),
        };
        return arguments.first().map_or(Ok(Command::Demo), |argument| Err(Mistakes(vec![mistake(argument)])));
    }
    let environment: Vec<_> = environment.into_iter().collect();
    let mut findings = Findings::default();
    let mut settings = Settings::default();
    let (tree, file) = gather(&arguments, &environment, read_file, &mut findings);
    settings.read(&tree, &mut findings);
    settings.config_file = file;
    validate::complete_and_validate(&mut settings, &mut findings);
    if command == "healthcheck" && settings.ping.is_none() {
        findings.conflict("ping", "must be on for healthcheck: add --ping, or name the same configuration file");
    }
    match command.as_str() {
        _ if !findings.mistakes.is_empty() => Err(Mistakes(findings.mistakes)),
        "check" => Ok(Command::Check(settings.into(), findings.warnings)),
        "healthcheck" => Ok(Command::Healthcheck(settings.into())),
        _ => Ok(Command::Run(settings.into(), findings.warnings)),
    }
}

/// The requested section of help, by `--help SECTION`, `help SECTION` or `COMMAND --help`; empty for all of it.
fn asked_for_help<'a>(command: &'a str, arguments: &'a [String]) -> Option<&'a str> {
    let index = arguments.iter().position(|argument| {
        matches!(argument.split('=').next(), Some("--help" | "-h")) && !argument.ends_with("=false")
    });
    let section = |argument: &'a String| Some(argument.as_str()).filter(|argument| !argument.starts_with('-'));
    if command == "help" {
        return Some(arguments.iter().find_map(section).unwrap_or_default());
    }
    let index = index?;
    let written = arguments[index].split_once('=').map(|(_, section)| section).filter(|section| *section != "true");
    let named = written.or_else(|| arguments.get(index + 1).and_then(section));
    let own = Some(command).filter(|command| help::COMMANDS.iter().any(|page| page.name == *command));
    Some(named.or(own).unwrap_or_default())
}

/// The tree of the source that counts (a file, else flags, else the environment), and the file if it is one.
fn gather(
    arguments: &[String],
    environment: &[(String, String)],
    read_file: ReadFile<'_>,
    findings: &mut Findings,
) -> (Node, Option<PathBuf>) {
    let mut flag_findings = Findings::default();
    let flags = source::flags::read(arguments, Settings::SHAPE, &mut flag_findings);
    let named = match flags.child("configFile").and_then(|node| node.value.as_ref()) {
        Some(Given::Text(file)) if !file.is_empty() => Some(Path::new(file)),
        _ => None,
    };
    let found = source::file::find(named, environment, read_file, findings);
    let variables = source::environment::ignored(environment, Settings::SHAPE);
    let mut ignore = |source: String, ignored: Vec<String>| {
        if !ignored.is_empty() {
            findings.warnings.push(Warning::Ignored { source_taken: source, ignored });
        }
    };
    if let Some(found) = found {
        let others = flags.children.iter().filter(|node| !node.name.eq_ignore_ascii_case("configFile"));
        let flags = others.flat_map(Node::origins).map(|origin| origin.to_string());
        let files = found.others.iter().map(|file| format!("file {}", file.display()));
        ignore(found.file.display().to_string(), flags.chain(variables).chain(files).collect());
        return (source::file::read(&found.file, &found.text, findings), Some(found.file));
    }
    if arguments.is_empty() {
        return (source::environment::read(environment, findings), None);
    }
    ignore("the flags".to_owned(), variables);
    findings.mistakes.append(&mut flag_findings.mistakes);
    (flags, None)
}
