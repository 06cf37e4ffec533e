//! Settings from the environment.

use super::{run, start};
use crate::settings::schema::Scalar as _;

#[test]
fn variables_are_paths_in_any_case() {
    let (settings, _) = run(start(
        &[],
        &[
            ("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", ":81"),
            ("traefik_entrypoints_web_http_tls_domains_0_main", "a.example"),
            ("TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_SANS", "b.example,c.example"),
            ("TRAEFIK_PROVIDERS_KUBERNETESINGRESS", "true"),
            ("TRAEFIK_PING", "true"),
        ],
        &[],
    ));
    let web = &settings.entry_points["web"];
    assert_eq!(web.address.port, 81);
    assert_eq!(web.http.tls.as_ref().unwrap().domains[0].sans, ["b.example", "c.example"]);
    assert!(settings.providers.kubernetes_ingress.is_some() && settings.ping.is_some());
}

#[test]
fn only_known_first_words_count() {
    let kubernetes = [("TRAEFIK_PORT", "tcp://10.0.0.1:80"), ("TRAEFIK_SERVICE_HOST", "10.0.0.1"), ("TRAEFIK", "x")];
    let (settings, warnings) = run(start(&[], &kubernetes, &[]));
    assert_eq!(settings.entry_points.keys().collect::<Vec<_>>(), ["http"]);
    assert!(warnings.is_empty());
    let mistakes = start(&[], &[("TRAEFIK_PING_ENTRIPOINT", "web")], &[]).unwrap_err().to_string();
    assert_eq!(
        mistakes,
        "1 mistake in the configuration:\n  environment variable TRAEFIK_PING_ENTRIPOINT: no such option: \
         ping.entripoint; did you mean TRAEFIK_PING_ENTRYPOINT?"
    );
}

#[test]
fn flags_come_before_the_environment_and_files_before_both() {
    let variables = [("TRAEFIK_PING", "true"), ("HOME", "/home/me"), ("XDG_CONFIG_HOME", "/xdg")];
    let (settings, _) = run(start(&["--log.level=info"], &variables, &[]));
    assert!(settings.ping.is_none(), "with flags the environment is not read");

    let text = "log: {level: debug}";
    for place in ["/etc/traefik/traefik.yml", "/xdg/traefik.yaml", "/home/me/.config/traefik.yml", "./traefik.yaml"] {
        let (settings, warnings) = run(start(&["--ping", "--log.level=info"], &variables, &[(place, text)]));
        assert_eq!(settings.log.level.show(), "debug", "{place}");
        assert!(settings.ping.is_none(), "{place}");
        assert_eq!(settings.config_file.unwrap().to_str().unwrap(), place);
        assert_eq!(
            warnings[0].to_string(),
            format!(
                "configuration is taken from {place} alone; ignored: flag --ping, flag --log.level, environment \
                 variable TRAEFIK_PING"
            )
        );
    }
    let files = [("/named.toml", "[log]\nlevel = 'warn'"), ("/etc/traefik/traefik.yml", text)];
    let (settings, warnings) = run(start(&["--configfile=/named.toml"], &variables, &files));
    assert_eq!(settings.log.level.show(), "warn", "the named file comes first");
    let told = "configuration is taken from /named.toml alone; ignored: environment variable TRAEFIK_PING";
    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
}

#[test]
fn what_stands_in_a_source_that_does_not_count_is_told() {
    let told = |arguments: &[&str], variables: &[(&str, &str)], files: &[(&str, &str)]| {
        run(start(arguments, variables, files)).1.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let service = ("TRAEFIK_METRICS_PORT", "tcp://10.0.0.1:9100");
    assert_eq!(
        told(&["--ping"], &[("TRAEFIK_LOG_LEVEL", "info"), service], &[]),
        ["configuration is taken from the flags alone; ignored: environment variable TRAEFIK_LOG_LEVEL"]
    );
    assert_eq!(
        told(&[], &[], &[("/etc/traefik/traefik.toml", ""), ("/etc/traefik/traefik.yaml", "ping: {}")]),
        ["configuration is taken from /etc/traefik/traefik.toml alone; ignored: file /etc/traefik/traefik.yaml"]
    );
    assert_eq!(
        told(&[], &[("TRAEFIK_PROVIDER_MANIFESTS_DIRECTORY", "x")], &[]),
        ["environment variable TRAEFIK_PROVIDER_MANIFESTS_DIRECTORY is ignored: no option begins with \"provider\"; \
          did you mean TRAEFIK_PROVIDERS…?"]
    );
}
