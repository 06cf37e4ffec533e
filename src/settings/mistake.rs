//! Mistakes and warnings about settings. All are collected before any is printed.

use std::fmt;
use std::path::PathBuf;

/// The place where a setting was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The name of an environment variable.
    Environment(String),
    /// A key of a configuration file.
    File {
        /// The file.
        file: PathBuf,
        /// The key, such as `entryPoints.web.address`.
        key: String,
    },
    /// A flag as it was written, without its value (which may be a secret).
    Flag(String),
}

impl Origin {
    /// `option` as it is written in this kind of source.
    fn spell(&self, option: &str) -> String {
        match self {
            Self::Environment(_) => {
                format!("TRAEFIK_{}", option.to_uppercase().replace(['.', '['], "_").replace(']', ""))
            }
            Self::File { .. } => option.to_owned(),
            Self::Flag(_) => format!("--{option}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::File { file, key } => write!(f, "{}, key {key}", file.display()),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A mistake, with the place where it was made and the way out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Mistake {
    /// An argument that is not a flag, or an unknown command.
    #[error("unexpected argument {argument:?}: {way_out}")]
    Argument {
        /// The argument.
        argument: String,
        /// A hint at what is valid.
        way_out: String,
    },
    /// Settings that do not fit together.
    #[error("{option}: {problem}")]
    Conflict {
        /// The option, by its path.
        option: String,
        /// The conflict, and what to do.
        problem: String,
    },
    /// The configuration file cannot be used.
    #[error("configuration file {}: {problem}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The reason.
        problem: String,
    },
    /// A required option is missing.
    #[error("{origin}: {option} is missing")]
    Missing {
        /// The option, by its path.
        option: String,
        /// The setting that needs it.
        origin: Origin,
    },
    /// An unknown section of help.
    #[error("there is no section {section:?} of --help{}", nearest_section(nearest.as_deref()))]
    NoSection {
        /// The requested section.
        section: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
    /// An unknown option.
    #[error("{origin}: no such option: {option}{}", did_you_mean(origin, nearest.as_deref()))]
    Unknown {
        /// The name, as far as it is unknown.
        option: String,
        /// The place where it was written.
        origin: Origin,
        /// The nearest option that exists.
        nearest: Option<String>,
    },
    /// An invalid value.
    #[error("{origin}: {reason}")]
    Value {
        /// The place where it was written.
        origin: Origin,
        /// The values that the option takes.
        reason: String,
    },
}

fn did_you_mean(origin: &Origin, nearest: Option<&str>) -> String {
    nearest
        .map_or_else(|| " (--help lists all)".to_owned(), |option| format!("; did you mean {}?", origin.spell(option)))
}

fn nearest_section(nearest: Option<&str>) -> String {
    let other = |section| format!("; did you mean --help {section}?");
    nearest.map_or_else(|| "; --help alone lists them".to_owned(), other)
}

/// Every mistake of one start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [mistake @ Mistake::NoSection { .. }] = self.0.as_slice() {
            return mistake.fmt(f);
        }
        let plural = if self.0.len() == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} {plural} in the configuration:", self.0.len())?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

/// Something the operator should know, that does not prevent the start.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Warning {
    /// A variable that names no proxy.
    #[error(transparent)]
    OutboundProxy(#[from] proxy::forward::OutboundProxyError),
    /// An entry point passes on headers that backends may take for others, without being told to.
    #[error(
        "entryPoints.{entry_point}.http.aliasHeadersStrategy is not set: headers such as X_Auth_User are passed on, which \
         some backends take for X-Auth-User; set it to delete, reject or keep"
    )]
    AliasHeaders {
        /// The entry point.
        entry_point: String,
    },
    /// A configuration file contains dynamic configuration, which belongs in a file of the file provider.
    #[error(
        "{}: {key} is not static configuration and is ignored; dynamic configuration belongs into a file of \
         providers.file",
        file.display()
    )]
    DynamicKey {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
    },
    /// Settings in sources that do not count: as in Traefik, only one does.
    #[error("configuration is taken from {source_taken} alone; ignored: {}", ignored.join(", "))]
    Ignored {
        /// The source that counts.
        source_taken: String,
        /// Flags, variables and files, without their values.
        ignored: Vec<String>,
    },
    /// The folder of manifests is empty.
    #[error(
        "providers.manifests.directory: {} holds no .yaml, .yml or .json file, so nothing is routed; what is put there \
         is served at once",
        directory.display()
    )]
    NoManifests {
        /// The folder.
        directory: PathBuf,
    },
    /// A folder of dynamic configuration has no files.
    #[error("there is no .toml, .yaml or .yml file in {}", directory.display())]
    NoFiles {
        /// The folder.
        directory: PathBuf,
    },
    /// No provider is set.
    #[error(
        "no provider is given, so nothing is routed: add --providers.kubernetesIngress and --providers.kubernetesCRD in \
         a cluster, --providers.manifests.directory=DIR for a folder of manifests, or --providers.file.directory=DIR for \
         Traefik's dynamic configuration files"
    )]
    NoProvider,
    /// A file or folder of dynamic configuration does not exist.
    #[error("there is no {} yet: it is read as soon as it is there", path.display())]
    NotThereYet {
        /// The file or the folder.
        path: PathBuf,
    },
    /// Options below a group that is off have no effect.
    #[error("{option} is off, so that what is below it has no effect ({})", list(given))]
    Off {
        /// The group, by its path.
        option: String,
        /// The places where the options below it were written.
        given: Vec<Origin>,
    },
    /// An entry point for UDP, which is not served yet.
    #[error("entry point {entry_point} ({address}) is for UDP, which is not served yet: nothing listens there")]
    UdpEntryPoint {
        /// The entry point.
        entry_point: String,
        /// Its address.
        address: String,
    },
    /// An entry point names a certificate resolver that does not exist.
    #[error(
        "entryPoints.{entry_point}.http.tls.certResolver names {resolver:?}, which certificatesResolvers does not define"
    )]
    UnknownResolver {
        /// The entry point.
        entry_point: String,
        /// The resolver.
        resolver: String,
    },
    /// A variable whose first word is similar to a group of options, but is none.
    #[error(
        "environment variable {name} is ignored: no option begins with {word:?}; did you mean TRAEFIK_{}…?",
        nearest.to_uppercase()
    )]
    UnknownVariable {
        /// The variable.
        name: String,
        /// Its first word after the prefix.
        word: String,
        /// The nearest group.
        nearest: &'static str,
    },
    /// A deprecated option that another one replaces.
    #[error(
        "entryPoints.{entry_point}.http.underscoreHeadersStrategy is deprecated: use aliasHeadersStrategy, which means every \
         name with anything but letters, digits and hyphens"
    )]
    UnderscoreHeaders {
        /// The entry point.
        entry_point: String,
    },
    /// An option of Traefik that has no effect here yet.
    #[error("{option} is not served yet and has no effect ({}): {}", list(given), way_out(option))]
    Unserved {
        /// The option, or the group of options, by its path.
        option: String,
        /// The places where it and the options below it were written.
        given: Vec<Origin>,
    },
}

/// Advice for an option that is not served: that of the first prefix in the list that fits.
fn way_out(option: &str) -> &'static str {
    const WAYS_OUT: [(&str, &str); 6] = [
        ("entrypoints.", "leave it out; docs/compatibility.md says what entry points do"),
        (
            "providers.kubernetes",
            "leave it out; --providers.kubernetesIngress and --providers.kubernetesCRD serve Ingresses and Middlewares",
        ),
        (
            "providers.",
            "describe the routes as Ingresses in a cluster (--providers.kubernetesIngress), or in Traefik's dynamic \
             configuration files (--providers.file.directory=DIR)",
        ),
        ("metrics.", "--metrics.prometheus is served"),
        ("certificatesresolvers.", "leave it out; --help certificatesResolvers lists what resolvers do"),
        ("", "leave it out"),
    ];
    let option = option.to_ascii_lowercase();
    WAYS_OUT.iter().find(|(begin, _)| option.starts_with(begin)).map_or("", |(_, way_out)| way_out)
}

fn list(origins: &[Origin]) -> String {
    origins.iter().map(Origin::to_string).collect::<Vec<_>>().join(", ")
}

/// Mistakes and warnings found while settings are read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Mistakes, which prevent the start.
    pub(super) mistakes: Vec<Mistake>,
    /// Warnings, which do not.
    pub(super) warnings: Vec<Warning>,
}

impl Findings {
    /// Adds a conflict of settings.
    pub(super) fn conflict(&mut self, option: impl Into<String>, problem: impl Into<String>) {
        self.mistakes.push(Mistake::Conflict { option: option.into(), problem: problem.into() });
    }

    /// Adds an invalid value.
    pub(super) fn value(&mut self, origin: &Origin, reason: impl Into<String>) {
        self.mistakes.push(Mistake::Value { origin: origin.clone(), reason: reason.into() });
    }
}
