#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use http::{HeaderMap, Method, Version};
use std::time::{Duration, SystemTime};

fn with_record<R>(check: impl FnOnce(Record<'_>) -> R) -> R {
    let headers = HeaderMap::from_iter([
        (http::header::USER_AGENT, "curl \"8\"".parse().unwrap()),
        (http::header::AUTHORIZATION, "Bearer secret".parse().unwrap()),
    ]);
    check(Record {
        start: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        duration: Duration::from_millis(12),
        client: "192.0.2.7:4711".parse().unwrap(),
        client_host: "192.0.2.7",
        username: None,
        host: "example.test:8000",
        method: &Method::GET,
        target: "/a?token=1",
        version: Version::HTTP_11,
        entry_point: "web",
        tls: None,
        request_bytes: 0,
        request_headers: Some(&headers),
        router: Some("default-a@kubernetes"),
        service: Some("default-b-80@kubernetes"),
        ingress: None,
        upstream: Some(Upstream {
            url: "http://10.0.0.1:80",
            address: "10.0.0.1:80",
            duration: Duration::from_millis(10),
            status: 200,
        }),
        retries: 0,
        status: 200,
        response_bytes: 42,
        origin_bytes: 42,
        origin_headers: None,
        response_headers: Some(&headers),
        count: 3,
    })
}

fn logged(options: Options) -> String {
    logged_with(options, |_| ())
}

fn logged_with(options: Options, change: impl FnOnce(&mut Record<'_>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(Options { path: Some(path.clone()), ..options }).unwrap();
    with_record(|mut record| {
        change(&mut record);
        log.write(&record);
    });
    log.flush();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn common_lines_have_traefiks_additions() {
    assert_eq!(
        logged(Options::default()),
        "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?token=1 HTTP/1.1\" 200 42 \"-\" \"-\" 3 \
         \"default-a@kubernetes\" \"http://10.0.0.1:80\" 12ms\n"
    );
}

#[test]
fn generic_lines_end_with_the_agent_and_clients_cannot_break_out() {
    let mut fields = Fields::default();
    fields.headers.names.insert("user-agent".to_owned(), FieldMode::Keep);
    fields.query_parameters.default_mode = FieldMode::Drop;
    assert_eq!(
        logged(Options { format: Format::GenericClf, fields, ..Options::default() }),
        "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a HTTP/1.1\" 200 42 \"-\" \"curl \\\"8\\\"\"\n"
    );
}

/// Texts with characters that end a line, a field or a quotation for some reader, or control a terminal.
const FORGED: [&str; 13] = [
    "x\n192.0.2.66 - admin",
    "x\r\n192.0.2.66 - admin",
    "x\u{b}y\u{c}z\u{1c}",
    "x\u{85}192.0.2.66 - admin",
    "x\u{2028}192.0.2.66\u{2029}",
    "x [14/Nov/2023:22:13:20 +0000] \"GET / HTTP/1.1\" 200 0",
    "x\" 200 0 \"",
    "x\\\" 200",
    "x\ty\u{a0}z\u{2003}",
    "x\u{1b}[2J\u{9b}2J\u{7}\0\u{7f}",
    "x\u{202e}y\u{2066}",
    "{\"level\":\"info\"}",
    "ü\u{feff}",
];

/// True if there is one `\n`, at the end, and all else is printable.
fn is_one_line(line: &str) -> bool {
    line.strip_suffix('\n').is_some_and(|line| {
        !line.contains(|c: char| {
            c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c) || matches!(c, '\u{2066}' | '\u{feff}')
        })
    })
}

#[test]
fn no_text_of_a_client_ends_a_field_of_a_common_line() {
    let mut fields = Fields::default();
    fields.headers.default_mode = FieldMode::Keep;
    for format in [Format::Common, Format::GenericClf] {
        for text in FORGED {
            let value = http::HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| "-".parse().unwrap());
            let headers =
                HeaderMap::from_iter([(http::header::REFERER, value.clone()), (http::header::USER_AGENT, value)]);
            let line = logged_with(Options { format, fields: fields.clone(), ..Options::default() }, |record| {
                let mut record_headers = record.request_headers.cloned().unwrap_or_default();
                record_headers.extend(headers);
                record.client_host = text;
                record.username = Some(text);
                record.target = text;
                record.request_headers = Some(Box::leak(Box::new(record_headers)));
            });
            assert!(is_one_line(&line), "{text:?} became {line:?}");
            let fields: Vec<_> = line.split_whitespace().collect();
            assert_eq!((fields[1], &fields[3][..1]), ("-", "["), "{text:?} became {line:?}");
            let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
            assert_eq!(quotes, if format == Format::Common { 10 } else { 6 }, "{text:?} became {line:?}");
        }
    }
}

#[test]
fn a_list_of_addresses_and_a_nameless_user_are_one_field_each() {
    let line = logged_with(Options::default(), |record| {
        record.client_host = "192.0.2.1, 2001:db8::1,192.0.2.3";
        record.username = Some("");
    });
    assert!(line.starts_with("192.0.2.1,2001:db8::1,192.0.2.3 - - [14/Nov/2023:22:13:20 +0000] \"GET "), "{line}");
    let line = logged_with(Options::default(), |record| record.username = Some("jörg doe"));
    assert!(line.starts_with("192.0.2.7 - jörg\\x20doe [14/Nov/2023"), "{line}");
}

#[test]
fn texts_of_clients_stay_whole_in_json() {
    for text in FORGED {
        let line = logged_with(Options { format: Format::Json, ..Options::default() }, |record| {
            record.client_host = text;
            record.username = Some(text);
            record.host = text;
            record.target = text;
        });
        assert!(is_one_line(&line), "{text:?} became {line:?}");
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        for field in ["ClientHost", "ClientUsername", "RequestAddr", "RequestPath"] {
            assert_eq!(json[field], text);
        }
    }
}

#[test]
fn json_lines_follow_the_field_rules() {
    let mut fields = Fields::default();
    fields.fields.names.insert("clientport".to_owned(), FieldMode::Drop);
    fields.headers.default_mode = FieldMode::Keep;
    fields.headers.names.insert("authorization".to_owned(), FieldMode::Redact);
    fields.query_parameters.names.insert("token".to_owned(), FieldMode::Redact);
    let line = logged(Options { format: Format::Json, fields, ..Options::default() });
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["RouterName"], "default-a@kubernetes");
    assert_eq!(json["RequestPath"], "/a?token=REDACTED");
    assert_eq!(json["Overhead"], 2_000_000);
    assert_eq!(json["RequestHost"], "example.test");
    assert_eq!(json["RequestPort"], "8000");
    assert_eq!(json["StartUTC"], "2023-11-14T22:13:20Z");
    assert_eq!(json["request_User-Agent"], "curl \"8\"");
    assert_eq!(json["request_Authorization"], "REDACTED");
    assert_eq!(json["downstream_Authorization"], "REDACTED");
    assert_eq!(json["level"], "info");
    assert!(json.get("ClientPort").is_none());
}

#[test]
fn filters_are_alternatives() {
    let status = |range: &str| Filters { status_codes: vec![range.parse().unwrap()], ..Filters::default() };
    assert!(with_record(|r| status("200-299").keep(&r)));
    assert!(!with_record(|r| status("404").keep(&r)));
    let slow = Filters { min_duration: Duration::from_millis(12), ..status("500") };
    assert!(with_record(|r| slow.keep(&r)));
    assert!(!with_record(|r| Filters { min_duration: Duration::from_millis(13), ..status("500") }.keep(&r)));
    assert!("4xx".parse::<StatusRange>().is_err());
}

#[test]
fn a_moved_file_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(Options { path: Some(path.clone()), ..Options::default() }).unwrap();
    with_record(|record| log.write(&record));
    log.flush();
    std::fs::rename(&path, folder.path().join("old")).unwrap();
    log.reopen();
    with_record(|record| log.write(&record));
    log.flush();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    assert!(AccessLog::open(Options { path: Some("/nonexistent/x/access.log".into()), ..Options::default() }).is_err());
}
