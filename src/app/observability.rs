//! Setup of the program's own log, the access log and the metrics.

use super::log_lines::OneLine;
use crate::settings::{self, LogFormat, LogLevel, Settings};
use http::HeaderName;
use proxy::access_log::{self, AccessLog, FieldMode, Fields, Rules};
use proxy::metrics::{self, Metrics};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// An error in setting up logs or metrics.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    /// A file cannot be opened for appending.
    #[error("{what}: cannot open {path} for appending")]
    File {
        /// The log.
        what: &'static str,
        /// The file.
        path: String,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The filter of the log is malformed.
    #[error("{filter:?} is no list such as [request{{namespace=shop}}]=debug,proxy::forward=trace")]
    Filter {
        /// The filter.
        filter: String,
        /// The reason.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// A label of metrics names an invalid header.
    #[error("headerLabels.{label}: {header:?} is no name of a header")]
    HeaderLabel {
        /// The label.
        label: String,
        /// The invalid name of a header.
        header: String,
    },
    /// The settings of metrics are invalid.
    #[error("metrics.prometheus does not hold")]
    Metrics(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The lines that the log gets: those of the level, and what the filter adds or takes away.
pub(super) fn log_filter(log: &settings::Log) -> Result<EnvFilter, LogError> {
    // The Kubernetes client logs every attempt; our own watches log an outage once.
    let level = match log.level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug,kube_client=off,kube_runtime=off",
        LogLevel::Info => "info,kube_client=off,kube_runtime=off",
        LogLevel::Warn => "warn,kube_client=off,kube_runtime=off",
        LogLevel::Error | LogLevel::Fatal | LogLevel::Panic => "error,kube_client=off,kube_runtime=off",
        LogLevel::Disabled => "off",
    };
    let directives = [level, &log.filter].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",");
    EnvFilter::try_new(directives).map_err(|source| LogError::Filter { filter: log.filter.clone(), source })
}

/// Starts the program's own log.
pub(super) fn start_log(log: &settings::Log, filter: EnvFilter) -> Result<(), LogError> {
    let (writer, colours) = match &log.file_path {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            (BoxMakeWriter::new(Mutex::new(file.map_err(|source| file_error("log", path, source))?)), false)
        }
        None => (BoxMakeWriter::new(std::io::stdout), !log.no_color && std::io::stdout().is_terminal()),
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(OneLine::new(writer, colours))
        .with_ansi(colours)
        .with_target(false)
        // If standard output is a closed pipe, nothing is written to standard error either.
        .log_internal_errors(log.file_path.is_some());
    // A second start within one process, as in tests, keeps the first log.
    let _ = match log.format {
        LogFormat::Common => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

fn file_error(what: &'static str, path: &Path, source: std::io::Error) -> LogError {
    LogError::File { what, path: path.display().to_string(), source }
}

/// The access log; `None` if it is off.
pub(super) fn access_log(settings: &Settings) -> Result<Option<Arc<AccessLog>>, LogError> {
    let Some(from) = &settings.access_log else { return Ok(None) };
    let options = access_log::Options {
        path: from.file_path.clone(),
        format: from.format,
        filters: from.filters.clone(),
        fields: Fields {
            fields: rules(from.fields.default_mode, &from.fields.names),
            headers: rules(from.fields.headers.default_mode, &from.fields.headers.names),
            query_parameters: rules(from.fields.query_parameters.default_mode, &BTreeMap::new()),
        },
    };
    let path = from.file_path.clone().unwrap_or_default();
    AccessLog::open(options).map(Some).map_err(|source| file_error("accessLog", &path, source))
}

fn rules(default_mode: FieldMode, names: &BTreeMap<String, FieldMode>) -> Rules {
    Rules { default_mode, names: names.iter().map(|(name, mode)| (name.to_ascii_lowercase(), *mode)).collect() }
}

/// The metrics; `None` if they are off.
pub(super) fn metrics(settings: &Settings) -> Result<Option<Arc<Metrics>>, LogError> {
    let Some(from) = &settings.metrics.prometheus else { return Ok(None) };
    let header = |(label, header): (&String, &String)| match HeaderName::from_bytes(header.as_bytes()) {
        Ok(name) => Ok((label.clone(), name)),
        Err(_) => Err(LogError::HeaderLabel { label: label.clone(), header: header.clone() }),
    };
    let options = metrics::Options {
        buckets: from.buckets.clone(),
        entry_points: from.add_entry_points_labels,
        routers: from.add_routers_labels,
        services: from.add_services_labels,
        header_labels: from.header_labels.iter().map(header).collect::<Result<_, _>>()?,
    };
    Metrics::new(&options).map(|metrics| Some(Arc::new(metrics))).map_err(|error| LogError::Metrics(error.into()))
}
