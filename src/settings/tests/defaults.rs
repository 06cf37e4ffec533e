//! Traefik's defaults.

use super::flags;
use serde_json::json;

#[test]
fn everything_that_is_on_by_itself() {
    let settings = flags(&[]).redacted();
    assert_eq!(
        settings["entryPoints"],
        json!({"http": {
            "address": ":80",
            "allowACMEByPass": false,
            "asDefault": false,
            "reusePort": false,
            "transport": {
                "lifeCycle": {"requestAcceptGraceTimeout": "0s", "graceTimeOut": "10s"},
                "respondingTimeouts": {"readTimeout": "1m0s", "writeTimeout": "0s", "idleTimeout": "3m0s"},
                "keepAliveMaxTime": "0s",
                "keepAliveMaxRequests": 0
            },
            "proxyProtocol": null,
            "forwardedHeaders": {
                "insecure": false, "trustedIPs": [], "connection": [], "notAppendXForwardedFor": false,
                "addXForwardedSchemeHeaders": false
            },
            "http": {
                "redirections": {"entryPoint": null},
                "middlewares": [],
                "tls": null,
                "encodedCharacters": null,
                "encodeQuerySemicolons": false,
                "sanitizePath": true,
                "maxHeaderBytes": 1_048_576,
                "aliasHeadersStrategy": null,
                "underscoreHeadersStrategy": null
            },
            "http2": {"maxConcurrentStreams": 250, "maxDecoderHeaderTableSize": 4096, "maxEncoderHeaderTableSize": 4096},
            "http3": null,
            "udp": {"timeout": "3s"},
            "observability": null
        }})
    );
    assert_eq!(
        settings["log"],
        json!({"level": "warn", "format": "common", "noColor": false, "filter": "", "filePath": null})
    );
    assert_eq!(settings["metrics"], json!({"addInternals": false, "prometheus": null}));
    assert_eq!(settings["core"], json!({"defaultRuleSyntax": null, "strictTLSOptions": false}));
    assert_eq!(
        settings["acme"],
        json!({"mode": "auto", "defaultIssuer": null, "clusterResourceNamespace": "", "nameServers": [], "storage": "acme"})
    );
    assert_eq!(
        settings["serversTransport"],
        json!({
            "insecureSkipVerify": false,
            "rootCAs": [],
            "maxIdleConnsPerHost": 200,
            "forwardingTimeouts": {"dialTimeout": "30s", "responseHeaderTimeout": "0s", "idleConnTimeout": "1m30s"},
            "spiffe": null
        })
    );
    for off in ["api", "ping", "accessLog"] {
        assert!(settings[off].is_null(), "{off}");
    }
}

#[test]
fn groups_that_are_turned_on() {
    let settings = flags(&[
        "--api",
        "--ping",
        "--accesslog",
        "--metrics.prometheus",
        "--providers.kubernetesingress",
        "--certificatesresolvers.r.acme.httpchallenge",
        "--entrypoints.a.address=:1",
        "--entrypoints.a.http.encodedcharacters.allowencodedslash=false",
        "--entrypoints.a.observability.metrics=false",
    ])
    .redacted();
    assert_eq!(
        settings["ping"],
        json!({"entryPoint": "traefik", "manualRouting": false, "terminatingStatusCode": 503})
    );
    assert_eq!(settings["api"]["basePath"], "/");
    assert_eq!(settings["api"]["dashboard"], true);
    assert_eq!(
        settings["accessLog"],
        json!({
            "filePath": null, "format": "common", "bufferingSize": 0, "addInternals": false,
            "filters": {"statusCodes": [], "retryAttempts": false, "minDuration": "0s"},
            "fields": {
                "defaultMode": "keep", "names": {},
                "headers": {"defaultMode": "drop", "names": {}},
                "queryParameters": {"defaultMode": "keep"}
            }
        })
    );
    assert_eq!(
        settings["metrics"]["prometheus"],
        json!({
            "buckets": [0.1, 0.3, 1.2, 5.0], "addEntryPointsLabels": true, "addRoutersLabels": false,
            "addServicesLabels": true, "entryPoint": "traefik", "manualRouting": false, "headerLabels": {}
        })
    );
    let acme = &settings["certificatesResolvers"]["r"]["acme"];
    for (option, value) in [
        ("caServer", json!("https://acme-v02.api.letsencrypt.org/directory")),
        ("storage", json!("acme.json")),
        ("keyType", json!("RSA4096")),
        ("certificatesDuration", json!(2160)),
        ("clientTimeout", json!("2m0s")),
        ("clientResponseHeaderTimeout", json!("30s")),
        ("certificateTimeout", json!("30s")),
        ("eab", json!(null)),
        ("tlsChallenge", json!(null)),
        ("httpChallenge", json!({"entryPoint": null, "delay": "0s"})),
    ] {
        assert_eq!(acme[option], value, "{option}");
    }
    let ingress = settings["providers"]["kubernetesIngress"].as_object().unwrap();
    let written = ingress
        .iter()
        .filter(|(_, value)| !matches!(value.to_string().as_str(), "\"\"" | "false" | "null" | "[]" | "\"0s\""));
    assert_eq!(written.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ingressEndpoint"]);
    let characters = settings["entryPoints"]["a"]["http"]["encodedCharacters"].as_object().unwrap();
    assert_eq!(characters.values().filter(|allowed| **allowed == json!(true)).count(), 6, "only the slash is refused");
    let observability = &settings["entryPoints"]["a"]["observability"];
    assert_eq!(
        *observability,
        json!({"accessLogs": true, "metrics": false, "tracing": true, "traceVerbosity": "minimal"})
    );
}
