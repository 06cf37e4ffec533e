//! `log`, `accessLog`, `metrics`.

use super::schema::{Scalar, choice, options_of, section, words_of};
use proxy::access_log::{FieldMode, Filters, Format, StatusRange};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

section! {
    /// The program's own log.
    Log {
        /// The least severe level that is written: trace, debug, info, warn, error, fatal, panic, disabled.
        level: LogLevel = LogLevel::Warn, "level";
        /// common or json.
        format: LogFormat = LogFormat::Common, "format";
        /// No colours in the common format.
        no_color: bool = false, "noColor";
        /// More, or less, for some requests or modules: `[request{namespace=shop}]=debug` or `proxy::forward=trace`, in
        /// the form of RUST_LOG, several with commas. Spans: connection, request, attempt, change, plan.
        filter: String = String::new(), "filter";
        /// The file; standard output otherwise.
        file_path: Option<PathBuf> = None, "filePath";
        also unserved {
            "compress": "Compresses rotated files.";
            "maxAge": "Days that rotated files are kept.";
            "maxBackups": "Rotated files that are kept.";
            "maxSize": "Megabytes after which the file is rotated.";
            "otlp": "Logs by OpenTelemetry.";
        }
    }

    /// The access log.
    AccessLog {
        /// The file; standard output otherwise.
        file_path: Option<PathBuf> = None, "filePath";
        /// common, genericCLF or json.
        format: Format = Format::Common, "format";
        /// Lines that may wait before they are written.
        buffering_size: u32 = 0, "bufferingSize";
        /// Records requests to ping, API, dashboard and metrics as well.
        add_internals: bool = false, "addInternals";
        /// Which requests are recorded; none is all.
        filters: Filters = Filters::default(), "filters";
        /// What is recorded of a request.
        fields: AccessLogFields = AccessLogFields::default(), "fields";
        also unserved {
            "dualOutput": "Writes to the file and by OpenTelemetry.";
            "otlp": "Access logs by OpenTelemetry.";
        }
    }

    /// The fields that are recorded of a request.
    AccessLogFields {
        /// keep or drop fields that are not named.
        default_mode: FieldMode = FieldMode::Keep, "defaultMode";
        /// keep or drop one field.
        names: BTreeMap<String, FieldMode> = BTreeMap::new(), "names";
        /// Header fields.
        headers: HeaderFields = HeaderFields::default(), "headers";
        /// Query parameters.
        query_parameters: QueryParameters = QueryParameters::default(), "queryParameters";
    }

    /// The headers that are recorded.
    HeaderFields {
        /// keep, drop or redact headers that are not named.
        default_mode: FieldMode = FieldMode::Drop, "defaultMode";
        /// keep, drop or redact one header.
        names: BTreeMap<String, FieldMode> = BTreeMap::new(), "names";
    }

    /// The query parameters that are recorded.
    QueryParameters {
        /// keep, drop or redact query parameters.
        default_mode: FieldMode = FieldMode::Keep, "defaultMode";
    }

    /// Metrics.
    Metrics {
        /// Counts requests to ping, API, dashboard and metrics as well.
        add_internals: bool = false, "addInternals";
        /// Serves `/metrics` for Prometheus.
        prometheus: Option<Prometheus> = None, "prometheus";
        also unserved {
            "datadog": "Metrics for Datadog.";
            "influxDB2": "Metrics for InfluxDB 2.";
            "otlp": "Metrics by OpenTelemetry.";
            "statsD": "Metrics for StatsD.";
        }
    }

    /// Metrics for Prometheus.
    Prometheus {
        /// The upper bounds of the histograms, in seconds.
        buckets: Vec<f64> = vec![0.1, 0.3, 1.2, 5.0], "buckets";
        /// Measures each entry point.
        add_entry_points_labels: bool = true, "addEntryPointsLabels";
        /// Measures each router.
        add_routers_labels: bool = false, "addRoutersLabels";
        /// Measures each service.
        add_services_labels: bool = true, "addServicesLabels";
        /// The entry point that answers `/metrics`.
        entry_point: String = super::INTERNAL.to_owned(), "entryPoint";
        /// A router of the user's leads to prometheus@internal.
        manual_routing: bool = false, "manualRouting";
        /// More labels of the request counters: label to request header; 100 values each, further ones are `other`.
        header_labels: BTreeMap<String, String> = BTreeMap::new(), "headerLabels";
    }
}

options_of! {
    Filters {
        /// Records requests whose status is one of these codes or ranges.
        status_codes: Vec<StatusRange>, "statusCodes";
        /// Records requests that were retried.
        retry_attempts: bool, "retryAttempts";
        /// Records requests that took longer.
        min_duration: Duration, "minDuration";
    }
}

words_of! {
    Format {
        Common = "common";
        GenericClf = "genericCLF";
        Json = "json";
    }

    FieldMode {
        Drop = "drop";
        Keep = "keep";
        Redact = "redact";
    }
}

choice! {
    /// The format of a line of the program's log.
    LogFormat = Common {
        /// For people.
        Common = "common";
        /// One JSON object.
        Json = "json";
    }

    /// The severity of a line of the program's log.
    LogLevel = Error {
        /// For developers.
        Debug = "debug";
        /// Nothing is written.
        Disabled = "disabled";
        /// Something failed.
        Error = "error";
        /// The program cannot go on.
        Fatal = "fatal";
        /// Something happened.
        Info = "info";
        /// The program is broken.
        Panic = "panic";
        /// Everything.
        Trace = "trace";
        /// Something is odd.
        Warn = "warn" | "warning";
    }
}

impl Scalar for StatusRange {
    fn parse(text: &str) -> Result<Self, String> {
        let valid =
            |range: &Self| range.from <= range.to && [range.from, range.to].iter().all(|c| (100..=599).contains(c));
        let range: Option<Self> = text.parse().ok();
        range
            .filter(valid)
            .ok_or_else(|| format!("takes status codes such as 404 or ranges such as 500-599, not {text:?}"))
    }

    fn show(&self) -> Json {
        match self {
            Self { from, to } if from == to => from.to_string().into(),
            Self { from, to } => format!("{from}-{to}").into(),
        }
    }
}
