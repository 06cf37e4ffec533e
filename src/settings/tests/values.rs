//! Types of single values.

use super::{flags, mistakes};
use crate::settings::schema::Scalar as _;
use crate::settings::{Address, Protocol, RedirectTarget};
use std::time::Duration;

#[test]
fn addresses() {
    for (text, host, port, protocol) in [
        (":80", "", 80, Protocol::Tcp),
        (":8000/tcp", "", 8000, Protocol::Tcp),
        ("127.0.0.1:8080/TCP", "127.0.0.1", 8080, Protocol::Tcp),
        ("[::1]:443", "::1", 443, Protocol::Tcp),
        ("node-1.example:443", "node-1.example", 443, Protocol::Tcp),
        (":9000/udp", "", 9000, Protocol::Udp),
        (":0", "", 0, Protocol::Tcp),
    ] {
        let flag = format!("--entrypoints.a.address={text}");
        let expected = Address { host: host.to_owned(), port, protocol };
        assert_eq!(flags(&[&flag]).entry_points["a"].address, expected, "{text}");
        let again = format!("--entrypoints.a.address={expected}");
        assert_eq!(flags(&[&again]).entry_points["a"].address, expected, "{again}");
    }
    for text in ["", "80", ":", ":80a", ":65536", "::1:80", "[::1", "[1.2.3.4]:80", "http://a:80", ":80/sctp", "a b:80"]
    {
        let found = mistakes(&[&format!("--entrypoints.a.address={text}")]);
        assert!(found[0].starts_with("flag --entrypoints.a.address: takes "), "{text:?}: {found:?}");
    }
}

#[test]
fn durations() {
    for (text, expected) in [
        ("5", Duration::from_secs(5)),
        ("0", Duration::ZERO),
        ("300ms", Duration::from_millis(300)),
        ("1m30s", Duration::from_secs(90)),
        ("1.5h", Duration::from_secs(5400)),
        ("-1", Duration::ZERO),
        ("-10s", Duration::ZERO),
    ] {
        let settings =
            flags(&["--entrypoints.a.address=:1", &format!("--entrypoints.a.transport.keepalivemaxtime={text}")]);
        assert_eq!(settings.entry_points["a"].transport.keep_alive_max_time, expected, "{text}");
    }
    for text in ["", "soon", "5 s", "1d", "-", "--1"] {
        let found =
            mistakes(&["--entrypoints.a.address=:1", &format!("--entrypoints.a.transport.keepalivemaxtime={text}")]);
        assert!(found[0].contains("is not a duration"), "{text:?}: {found:?}");
    }
}

#[test]
fn networks() {
    let flag = |text: &str| format!("--entrypoints.a.forwardedheaders.trustedips={text}");
    let settings = flags(&["--entrypoints.a.address=:1", &flag("10.0.0.1/8, 192.0.2.7,2001:db8::/32")]);
    let trusted = &settings.entry_points["a"].forwarded_headers.trusted;
    for (address, expected) in
        [("10.9.9.9", true), ("192.0.2.7", true), ("192.0.2.8", false), ("2001:db8::9", true), ("11.0.0.1", false)]
    {
        let address = address.parse::<std::net::IpAddr>().unwrap();
        assert_eq!(trusted.iter().any(|network| network.contains(&address)), expected, "{address}");
    }
    let found = mistakes(&["--entrypoints.a.address=:1", &flag("10.0.0.0/33,example.com")]);
    assert_eq!(found.len(), 2, "each wrong item is named: {found:?}");
    assert!(found[1].contains("\"example.com\""), "{found:?}");
}

#[test]
fn redirections() {
    for (text, expected) in [(":443", RedirectTarget::Port(443)), ("b", RedirectTarget::EntryPoint("b".to_owned()))] {
        let to = format!("--entrypoints.a.http.redirections.entrypoint.to={text}");
        let settings = flags(&["--entrypoints.a.address=:1", "--entrypoints.b.address=:2", &to]);
        let redirect = settings.entry_points["a"].http.redirections.entry_point.as_ref().unwrap();
        assert_eq!((&redirect.to, redirect.scheme.as_str(), redirect.priority), (&expected, "https", i64::MAX - 1));
    }
    for text in [":https", ":", ":70000", ""] {
        let to = format!("--entrypoints.a.http.redirections.entrypoint.to={text}");
        let found = mistakes(&["--entrypoints.a.address=:1", &to]);
        assert!(found[0].contains("takes the name of an entry point or a port"), "{text:?}: {found:?}");
    }
}

#[test]
fn switches_words_numbers_and_codes() {
    for (text, expected) in [("1", true), ("T", true), ("false", false), ("0", false)] {
        assert_eq!(flags(&[&format!("--log.nocolor={text}")]).log.no_color, expected, "{text}");
    }
    for (text, expected) in [("INFO", "info"), ("warning", "warn"), ("Debug", "debug")] {
        assert_eq!(flags(&[&format!("--log.level={text}")]).log.level.show(), expected, "{text}");
    }
    let codes = flags(&["--accesslog.filters.statuscodes=200,300-302"]).access_log.unwrap().filters.status_codes;
    assert_eq!(codes.iter().map(|range| (range.from, range.to)).collect::<Vec<_>>(), [(200, 200), (300, 302)]);
    for (flag, part) in [
        ("--log.nocolor=yes", "takes true or false, not \"yes\""),
        ("--log.format=xml", "takes one of common, json, not \"xml\""),
        ("--accesslog.format=clf", "takes one of common, genericCLF, json"),
        ("--core.defaultrulesyntax=v1", "takes one of v2, v3"),
        ("--acme.mode=on", "takes one of auto, force, off"),
        ("--workers=-1", "takes a whole number from 0"),
        ("--metrics.prometheus.buckets=1,x", "takes a number, not \"x\""),
        ("--accesslog.filters.statuscodes=5xx", "takes status codes such as 404"),
        ("--accesslog.filters.statuscodes=599-500", "takes status codes such as 404"),
        ("--accesslog.fields.names.StartUTC=hide", "takes one of drop, keep, redact"),
    ] {
        let found = mistakes(&[flag]);
        assert!(found[0].contains(part), "{flag}: {found:?}");
    }
}

#[test]
fn certificate_lifetimes_are_hours() {
    let lifetime = |text: &str| {
        let flag = format!("--certificatesresolvers.a.acme.certificatesduration={text}");
        flags(&["--certificatesresolvers.a.acme.tlschallenge", &flag]).certificates_resolvers["a"]
            .acme
            .as_ref()
            .unwrap()
            .certificates_duration
            .0
    };
    assert_eq!(lifetime("2160"), Duration::from_secs(2160 * 3600));
    assert_eq!(lifetime("160h"), Duration::from_secs(160 * 3600));
}

#[test]
fn secrets_are_not_shown() {
    let settings = flags(&[
        "--certificatesresolvers.a.acme.tlschallenge",
        "--certificatesresolvers.a.acme.eab.kid=kid1",
        "--certificatesresolvers.a.acme.eab.hmacencoded=c2VjcmV0",
        "--providers.kubernetescrd.token=s3cret",
    ]);
    let eab = settings.certificates_resolvers["a"].acme.as_ref().unwrap().eab.as_ref().unwrap();
    assert_eq!(eab.hmac_encoded.expose(), "c2VjcmV0");
    for shown in [settings.redacted().to_string(), format!("{settings:?}")] {
        assert!(!shown.contains("c2VjcmV0") && !shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("kid1"));
    }
    assert_eq!(settings.redacted()["providers"]["kubernetesCRD"]["token"], "***");
    assert_eq!(settings.redacted()["log"]["level"], "warn");
}

#[test]
fn providers_are_named_as_in_names_of_objects_or_as_their_options() {
    let named = flags(&["--providers.precedence=File,kubernetesIngress,KUBERNETESCRD"]).providers.precedence;
    assert_eq!(named.iter().map(|name| name.0).collect::<Vec<_>>(), ["file", "kubernetes", "kubernetescrd"]);
    let told = mistakes(&["--providers.precedence=file,kubernets"]).join("\n");
    assert!(told.contains("takes names of providers") && told.contains("not \"kubernets\""), "{told}");
}
