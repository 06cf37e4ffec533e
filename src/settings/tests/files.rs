//! Settings from files.

use super::{file, start};
use crate::settings::RedirectTarget;
use crate::settings::schema::Scalar as _;
use std::time::Duration;

const YAML: &str = r#"
x-limits: &limits {readTimeout: 5, idleTimeout: 1m}
EntryPoints:
  web:
    address: ":80"
    http: {redirections: {entryPoint: {to: websecure, permanent: false}}}
  websecure:
    address: ":443"
    http: {tls: {domains: [{main: a.example, sans: [b.example]}]}}
    transport: {respondingTimeouts: {<<: *limits, writeTimeout: 3s}}
    forwardedHeaders: {trustedIPs: [10.0.0.0/8, 192.0.2.1]}
providers:
  kubernetesIngress: {}
  kubernetesCRD:
accessLog: {filters: {statusCodes: [404, "500-599"]}, fields: {headers: {names: {User-Agent: keep}}}}
metrics: {prometheus: {buckets: [0.5, 1]}}
"#;

const TOML: &str = r#"
[entrypoints.web]
address = ":80"
http.redirections.entryPoint = { to = "websecure", permanent = false }
[entrypoints.websecure]
address = ":443"
[[entrypoints.websecure.http.tls.domains]]
main = "a.example"
sans = ["b.example"]
[entrypoints.websecure.transport.respondingTimeouts]
readTimeout = 5
writeTimeout = "3s"
idleTimeout = "1m"
[entrypoints.websecure.forwardedHeaders]
trustedIPs = ["10.0.0.0/8", "192.0.2.1"]
[providers.kubernetesIngress]
[accessLog.filters]
statusCodes = ["404", "500-599"]
[accessLog.fields.headers.names]
User-Agent = "keep"
[metrics.prometheus]
buckets = [0.5, 1.0]
"#;

#[test]
fn yaml_and_toml_say_the_same() {
    for (name, text) in [("a.yaml", YAML), ("a.yml", YAML), ("a.toml", TOML)] {
        let (settings, warnings) = file(name, text);
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
        let redirect = settings.entry_points["web"].http.redirections.entry_point.as_ref().unwrap();
        assert_eq!(redirect.to, RedirectTarget::EntryPoint("websecure".to_owned()), "{name}");
        assert!(!redirect.permanent);
        let websecure = &settings.entry_points["websecure"];
        assert_eq!(websecure.http.tls.as_ref().unwrap().domains[0].sans, ["b.example"], "{name}");
        let timeouts = &websecure.transport.responding_timeouts;
        let seconds = [timeouts.read_timeout, timeouts.write_timeout, timeouts.idle_timeout].map(|time| time.as_secs());
        assert_eq!(seconds, [5, 3, 60], "{name}");
        assert_eq!(websecure.forwarded_headers.trusted.len(), 2);
        assert!(settings.providers.kubernetes_ingress.is_some(), "{name}: an empty group turns on");
        assert!(settings.providers.kubernetes_crd.is_none(), "{name}: nothing says nothing");
        let access_log = settings.access_log.unwrap();
        assert_eq!(access_log.filters.status_codes.len(), 2);
        assert_eq!(access_log.filters.min_duration, Duration::ZERO);
        assert_eq!(access_log.fields.headers.names["User-Agent"].show(), "keep");
        assert_eq!(settings.metrics.prometheus.unwrap().buckets, [0.5, 1.0]);
    }
}

#[test]
fn dynamic_configuration_in_the_file_is_said() {
    let (_, warnings) = file("/c/traefik.yaml", "ping: {}\nhttp: {routers: {}}\n");
    assert_eq!(
        warnings[0].to_string(),
        "/c/traefik.yaml: http is not static configuration and is ignored; dynamic configuration belongs into a file \
         of providers.file"
    );
    assert_eq!(warnings.len(), 1);
}

#[test]
fn mistakes_name_file_and_key() {
    for (name, text, expected) in [
        (
            "a.yaml",
            "entryPoint: {web: {address: ':1'}}",
            "a.yaml, key entryPoint: no such option: entryPoint; did you mean entryPoints?",
        ),
        (
            "a.yaml",
            "log: {level: loud}",
            "a.yaml, key log.level: takes one of debug, disabled, error, fatal, info, panic, trace, warn, not \"loud\"",
        ),
        ("a.yaml", "log: {level: [info]}", "a.yaml, key log.level: takes one value, not a list"),
        (
            "a.yaml",
            "api: {insecure: {a: 1}}",
            "a.yaml, key api.insecure.a: no such option: api.insecure.a (--help lists all)",
        ),
        (
            "a.toml",
            "[providers.manifests]\nwatch = false",
            "a.toml, key providers.manifests: providers.manifests.directory is missing",
        ),
        ("a.yaml", "", "configuration file a.yaml: holds no configuration"),
        ("a.yaml", "[a]", "configuration file a.yaml: holds no configuration"),
        ("a.json", "{}", "configuration file a.json: the name must end in .toml, .yaml or .yml"),
    ] {
        let mistakes = start(&[&format!("--configfile={name}")], &[], &[(name, text)]).unwrap_err();
        assert_eq!(mistakes.0[0].to_string(), expected, "{text}");
    }
    for (name, text) in [("a.yaml", "a: b: c"), ("a.yaml", "ping: {}\nping: {}"), ("a.toml", "a = ")] {
        let mistakes = start(&[&format!("--configfile={name}")], &[], &[(name, text)]).unwrap_err();
        assert!(mistakes.0[0].to_string().starts_with(&format!("configuration file {name}: ")), "{mistakes}");
        assert_eq!(mistakes.0.len(), 1, "{mistakes}");
    }
}

#[test]
fn a_named_file_must_exist() {
    let mistakes = start(&["--configfile=/none.yaml"], &[], &[("/etc/traefik/traefik.yaml", "ping: {}")]).unwrap_err();
    assert!(mistakes.0[0].to_string().starts_with("configuration file /none.yaml: "), "{mistakes}");
}

#[test]
fn a_real_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traefik.yml");
    std::fs::write(&path, "entryPoints: {web: {address: ':8000/tcp'}}").unwrap();
    let flag = format!("--configFile={}", path.display());
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    let (settings, _) = super::run(crate::settings::parse([flag], [], &read));
    assert_eq!(settings.entry_points["web"].address.port, 8000);
    assert_eq!(settings.config_file.as_deref(), Some(path.as_path()));
}
