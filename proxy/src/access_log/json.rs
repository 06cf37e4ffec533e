//! The JSON form: Traefik's field names, in alphabetical order.

use super::fields::{FieldMode, REDACTED};
use super::text::tame_json;
use super::{Fields, Record};
use http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write as _;

/// Names of all fields, sorted; [`value`] has one arm for each.
const FIELDS: [&str; 37] = [
    "ClientAddr",
    "ClientHost",
    "ClientPort",
    "ClientUsername",
    "DownstreamContentSize",
    "DownstreamStatus",
    "Duration",
    "KubernetesIngressName",
    "KubernetesIngressNamespace",
    "KubernetesServiceName",
    "KubernetesServicePort",
    "OriginContentSize",
    "OriginDuration",
    "OriginStatus",
    "Overhead",
    "RequestAddr",
    "RequestContentSize",
    "RequestCount",
    "RequestHost",
    "RequestMethod",
    "RequestPath",
    "RequestPort",
    "RequestProtocol",
    "RequestScheme",
    "RetryAttempts",
    "RouterName",
    "ServiceAddr",
    "ServiceName",
    "ServiceURL",
    "StartLocal",
    "StartUTC",
    "TLSCipher",
    "TLSClientSubject",
    "TLSVersion",
    "entryPointName",
    "level",
    "msg",
];

/// The modes of all fields, computed once.
#[derive(Debug)]
pub(super) struct Kept([FieldMode; FIELDS.len()]);

impl Kept {
    pub(super) fn new(fields: &Fields) -> Self {
        Self(FIELDS.map(|name| match name {
            "level" | "msg" => FieldMode::Keep,
            name => fields.fields.mode(&name.to_ascii_lowercase()),
        }))
    }
}

/// Appends one line.
pub(super) fn write(line: &mut Vec<u8>, record: &Record<'_>, kept: &Kept, fields: &Fields) {
    line.push(b'{');
    for (name, mode) in FIELDS.iter().zip(kept.0) {
        match mode {
            FieldMode::Drop => {}
            FieldMode::Keep => value(line, name, record, fields),
            FieldMode::Redact => put(line, name, REDACTED),
        }
    }
    if let Some(headers) = record.request_headers {
        write_headers(line, "request_", headers, fields);
    }
    if let Some(headers) = record.origin_headers {
        write_headers(line, "origin_", headers, fields);
    }
    if let Some(headers) = record.response_headers {
        write_headers(line, "downstream_", headers, fields);
    }
    put(line, "time", &rfc3339(record.start));
    line.pop();
    line.extend_from_slice(b"}\n");
}

/// Writes one field, if the exchange has it.
fn value(line: &mut Vec<u8>, name: &'static str, record: &Record<'_>, fields: &Fields) {
    let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let upstream = record.upstream;
    match name {
        "ClientAddr" => put(line, name, &record.client.to_string()),
        "ClientHost" => put(line, name, record.client_host),
        "ClientPort" => put(line, name, &record.client.port().to_string()),
        "ClientUsername" => put(line, name, record.username.unwrap_or("-")),
        "DownstreamContentSize" => put(line, name, &record.response_bytes),
        "DownstreamStatus" => put(line, name, &record.status),
        "Duration" => put(line, name, &nanos(record.duration)),
        "KubernetesIngressName" => some(line, name, record.ingress.map(|i| &*i.ingress_name)),
        "KubernetesIngressNamespace" => some(line, name, record.ingress.map(|i| &*i.namespace)),
        "KubernetesServiceName" => some(line, name, record.ingress.map(|i| &*i.service_name)),
        "KubernetesServicePort" => some(line, name, record.ingress.map(|i| &*i.service_port)),
        "OriginContentSize" => put(line, name, &record.origin_bytes),
        "OriginDuration" => put(line, name, &upstream.map_or(0, |u| nanos(u.duration))),
        "OriginStatus" => put(line, name, &upstream.map_or(0, |u| u.status)),
        "Overhead" => {
            put(
                line,
                name,
                &nanos(record.duration.saturating_sub(upstream.map_or_else(Default::default, |u| u.duration))),
            );
        }
        "RequestAddr" => put(line, name, record.host),
        "RequestContentSize" => put(line, name, &record.request_bytes),
        "RequestCount" => put(line, name, &record.count),
        "RequestHost" => put(line, name, host_and_port(record.host).0),
        "RequestMethod" => put(line, name, record.method.as_str()),
        "RequestPath" => put(line, name, &*fields.target(record.target)),
        "RequestPort" => put(line, name, host_and_port(record.host).1),
        "RequestProtocol" => put(line, name, record.protocol()),
        "RequestScheme" => put(line, name, if record.tls.is_some() { "https" } else { "http" }),
        "RetryAttempts" => put(line, name, &record.retries),
        "RouterName" => some(line, name, record.router),
        "ServiceAddr" => some(line, name, upstream.map(|u| u.address)),
        "ServiceName" => some(line, name, record.service),
        "ServiceURL" => some(line, name, upstream.map(|u| u.url)),
        "StartLocal" | "StartUTC" => put(line, name, &rfc3339(record.start)),
        "TLSCipher" => some(line, name, record.tls.map(|t| t.1)),
        "TLSClientSubject" => some(line, name, record.tls.and_then(|t| t.2)),
        "TLSVersion" => some(line, name, record.tls.map(|t| t.0)),
        "entryPointName" => put(line, name, record.entry_point),
        "level" => put(line, name, "info"),
        "msg" => put(line, name, ""),
        _ => {}
    }
}

/// Writes `"name":value,`.
fn put<T: Serialize + ?Sized>(line: &mut Vec<u8>, name: &str, value: &T) {
    let _ = write!(line, "\"{name}\":");
    let start = line.len();
    // Texts and numbers always serialise, and writing to memory cannot fail.
    let _ = serde_json::to_writer(&mut *line, value);
    tame_json(line, start);
    line.push(b',');
}

fn some(line: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        put(line, name, value);
    }
}

fn write_headers(line: &mut Vec<u8>, prefix: &str, headers: &HeaderMap, fields: &Fields) {
    for name in headers.keys() {
        let value = match fields.headers.mode(name.as_str()) {
            FieldMode::Drop => continue,
            FieldMode::Redact => REDACTED.to_owned(),
            FieldMode::Keep => {
                let values: Vec<_> =
                    headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
                values.join(",")
            }
        };
        put(line, &format!("{prefix}{}", canonical(name.as_str())), &value);
    }
}

/// A header's name as Go writes it: `User-Agent`.
fn canonical(name: &str) -> String {
    let mut upper = true;
    name.chars()
        .map(|c| {
            let out = if upper { c.to_ascii_uppercase() } else { c };
            upper = c == '-';
            out
        })
        .collect()
}

fn host_and_port(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (name, port),
        _ => (host, "-"),
    }
}

fn rfc3339(time: std::time::SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or_default().to_string()
}
