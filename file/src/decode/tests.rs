#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use flow_model::diagnostic::Severity;
use proptest::prelude::*;
use std::io;
use std::path::Path;

/// The files that configurations name in these tests.
fn files(path: &Path) -> io::Result<Vec<u8>> {
    match path.to_str().unwrap() {
        "/tls/a.crt" => Ok(b"chain a".to_vec()),
        "/tls/a.key" => Ok(b"key a".to_vec()),
        "/ca.pem" => Ok(b"authorities".to_vec()),
        "/users" => Ok(b"# who\n\nanna:x\n berta:y \n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn yaml(text: &str) -> Decoded {
    decode(text, Format::Yaml, "a.yaml", &files).unwrap()
}

/// The findings as `error path: message`.
fn told(decoded: &Decoded) -> Vec<String> {
    let severity = |severity| if severity == Severity::Error { "error" } else { "warning" };
    let finding = |f: &Finding| format!("{} {}: {}", severity(f.severity), f.path.join("."), f.message);
    decoded.findings.iter().map(finding).collect()
}

#[test]
fn both_languages_give_the_same_objects() {
    let in_yaml = yaml(
        "http:
  routers:
    shop: {rule: Host(`shop.test`), service: shop, middlewares: [strip], entryPoints: [web], tls: {}}
  services:
    shop:
      middlewares: [strip]
      loadBalancer: {servers: [{url: http://10.0.0.1}, {url: http://10.0.0.2, weight: 2}]}
  middlewares:
    strip: {stripPrefix: {prefixes: [/a]}}
tls:
  options: {strict: {sniStrict: true}}
",
    );
    let in_toml = "[http.routers.shop]
rule = 'Host(`shop.test`)'
service = 'shop'
middlewares = ['strip']
entryPoints = ['web']
[http.routers.shop.tls]
[http.services.shop]
middlewares = ['strip']
[[http.services.shop.loadBalancer.servers]]
url = 'http://10.0.0.1'
[[http.services.shop.loadBalancer.servers]]
url = 'http://10.0.0.2'
weight = 2
[http.middlewares.strip.stripPrefix]
prefixes = ['/a']
[tls.options.strict]
sniStrict = true
";
    let in_toml = decode(in_toml, Format::Toml, "a.toml", &files).unwrap();
    assert_eq!(in_yaml.objects, in_toml.objects);
    assert_eq!((told(&in_yaml), told(&in_toml)), (Vec::new(), Vec::new()));
    assert_eq!(in_yaml.objects.services["shop"].middlewares.len(), 1);
    assert!(in_yaml.objects.routers["shop"].tls.is_some());
}

#[test]
fn what_traefik_refuses_breaks_the_file_at_its_place() {
    for (text, line, column, message) in [
        ("http:\n  routers:\n    a:\n      rulle: x\n", 4, 7, "http.routers.a.rulle: there is no such field"),
        ("http:\n  routerz: {}\n", 2, 3, "http.routerz: there is no such field; did you mean routers?"),
        ("http:\n  services:\n    a:\n      loadBalancer:\n        servers: [{ulr: x}]\n", 5, 20, "did you mean url?"),
        ("http:\n  middlewares:\n    a: {heders: {}}\n", 3, 9, "did you mean headers?"),
        ("http:\n  middlewares:\n    a: {rateLimit: {average: many}}\n", 3, 30, "takes a whole number, not \"many\""),
        ("tls:\n  certificates:\n    - certfil: x\n", 3, 7, "tls.certificates.[0].certfil: there is no such field"),
        ("http: [a]\n", 1, 7, "http: takes a group, not a list"),
        ("- a\n", 1, 1, "the file is no group of keys and values"),
        ("http:\n  routers: {a\n", 3, 1, "did not find expected ',' or '}'"),
    ] {
        let broken = decode(text, Format::Yaml, "a.yaml", &files).unwrap_err();
        assert!(broken.message.contains(message), "{text}: {broken:?}");
        assert_eq!(broken.place, Some(Place { line, column }), "{text}: {broken:?}");
    }
}

#[test]
fn what_traefik_cannot_build_disables_only_itself() {
    let decoded = yaml(
        "http:
  routers:
    a: {rule: Path(`/`), ruleSyntax: v9, service: s, observability: {traceVerbosity: much, metrics: false}}
    child: {rule: Path(`/`), service: s, parentRefs: [b]}
    b: {rule: Path(`/`), service: s}
  middlewares:
    none:
    both: {compress: {}, headers: {frameDeny: true}}
    plugged: {plugin: {any: {at: 1}}}
    brave: {addPrefix: {prefix: /x}}
  services:
    none: {}
    both: {loadBalancer: {}, weighted: {}}
",
    );
    assert_eq!(
        told(&decoded),
        [
            "error http.middlewares.both: it must be of one kind, not of compress, headers",
            "error http.middlewares.plugged.plugin: plugin: any cannot run here, and no middleware of ours does the same",
            "warning http.routers.a.observability.traceVerbosity: takes one of minimal, detailed, not \"much\": the entry \
             point's verbosity is used",
            "warning http.routers.a.ruleSyntax: takes one of default, v2, v3, not \"v9\": the installation's rule syntax is used",
            "error http.services.both: it must be of one kind, not of loadBalancer, weighted",
            "error http.services.none: it has no kind",
        ]
    );
    let objects = decoded.objects;
    assert_eq!(objects.routers.keys().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "child"]);
    assert_eq!(&*objects.routers["child"].parent_refs[0], "b");
    assert_eq!(objects.routers["a"].observability.as_ref().unwrap().metrics, Some(false));
    assert!(objects.services.is_empty());
    assert!(matches!(objects.middlewares["both"], Middleware::Invalid(_)));
    assert!(matches!(objects.middlewares["brave"], Middleware::AddPrefix(_)));
}

#[test]
fn files_are_read_where_they_are_named() {
    let decoded = yaml(
        "http:
  middlewares:
    users: {basicAuth: {usersFile: /users, users: ['carla:z']}}
    asked: {forwardAuth: {address: 'http://a', tls: {ca: /ca.pem}}}
    lost: {basicAuth: {usersFile: /gone}}
    unsure: {forwardAuth: {address: 'http://a', tls: {ca: /gone.pem}}}
  serversTransports:
    lost: {rootCAs: [/ca.pem, /gone.pem]}
    inner: {rootCAs: [/ca.pem], certificates: [{certFile: /tls/a.crt, keyFile: /tls/a.key}], forwardingTimeouts: {dialTimeout: 5}}
    proved: {peerCertURI: 'spiffe://x', minVersion: VersionTLS13, cipherSuites: [A, B]}
    known: {rootCAs: [/ca.pem], spiffe: {ids: ['spiffe://x/a'], trustDomain: x}}
tls:
  certificates:
    - {certFile: /tls/a.crt, keyFile: /tls/a.key, stores: [default]}
    - {certFile: '-----BEGIN x', keyFile: '-----BEGIN y'}
    - {certFile: /tls/a.crt, keyFile: /gone.key}
    - {certFile: /tls/a.crt, keyFile: /tls/a.key, stores: [other]}
  stores:
    default: {defaultCertificate: {certFile: /tls/a.crt, keyFile: /tls/a.key}, defaultGeneratedCert: {resolver: le, domain: {main: a}}}
  options:
    mutual: {clientAuth: {caFiles: [/ca.pem], clientAuthType: RequireAndVerifyClientCert}, preferServerCipherSuites: true}
    broken: {clientAuth: {caFiles: [/gone.pem]}}
    odd: {clientAuth: {clientAuthType: Perhaps}}
",
    );
    let objects = &decoded.objects;
    let Middleware::BasicAuth(auth) = &objects.middlewares["users"] else { panic!() };
    assert_eq!(auth.users, ["anna:x", "berta:y", "carla:z"]);
    let Middleware::ForwardAuth(auth) = &objects.middlewares["asked"] else { panic!() };
    assert_eq!(auth.tls.as_ref().unwrap().ca, "authorities");
    for name in ["lost", "unsure"] {
        assert!(matches!(objects.middlewares[name], Middleware::Invalid(_)), "{name}");
    }
    let transport = &objects.servers_transports["inner"];
    assert_eq!(
        (transport.root_cas.as_slice(), transport.certificates.len()),
        ([b"authorities".to_vec()].as_slice(), 1)
    );
    assert_eq!(transport.timeouts.dial.0.as_secs(), 5);
    let proved = &objects.servers_transports["proved"];
    assert_eq!(
        (&*proved.peer_cert_uri, &*proved.min_version, &*proved.max_version),
        ("spiffe://x", "VersionTLS13", "")
    );
    assert_eq!(proved.cipher_suites, ["A", "B"]);
    let spiffe = objects.servers_transports["known"].spiffe.as_ref().unwrap();
    assert_eq!((spiffe.ids.as_slice(), &*spiffe.trust_domain), (["spiffe://x/a".to_owned()].as_slice(), "x"));
    assert_eq!(objects.servers_transports.len(), 3);
    let origins: Vec<_> = objects.certificates.iter().map(|certificate| &*certificate.origin).collect();
    assert_eq!(origins, ["/tls/a.crt", "a.yaml [1]"]);
    let store = &objects.tls_stores["default"];
    assert_eq!(store.default_certificate.as_ref().unwrap().key, b"key a");
    assert_eq!(&*store.default_generated.as_ref().unwrap().resolver, "le");
    assert_eq!(objects.tls_options["mutual"].client_auth.as_ref().unwrap().ca_files, ["authorities"]);
    assert!(objects.tls_options["broken"].broken.is_some() && objects.tls_options["odd"].broken.is_some());
    assert_eq!(
        told(&decoded),
        [
            "error http.middlewares.lost.basicAuth.usersFile: cannot read /gone: entity not found",
            "error http.middlewares.unsure.forwardAuth.tls.ca: cannot read /gone.pem: entity not found",
            "error http.serversTransports.lost.rootCAs.[1]: cannot read /gone.pem: entity not found",
            "error tls.certificates.[2].keyFile: cannot read /gone.key: entity not found",
            "warning tls.certificates.[3].stores: only the store named default is used: this certificate is not served",
            "error tls.options.broken.clientAuth.caFiles.[0]: cannot read /gone.pem: entity not found",
            "warning tls.options.mutual.preferServerCipherSuites: it has no effect, as in Traefik 3",
            "error tls.options.odd.clientAuth.clientAuthType: takes one of NoClientCert, RequestClientCert, \
             RequireAnyClientCert, RequireAndVerifyClientCert, VerifyClientCertIfGiven, not \"Perhaps\"",
        ]
    );
}

#[test]
fn what_is_not_served_is_told_once_a_group() {
    let decoded = yaml(
        "tcp: {routers: {a: {}}}\nudp: {}\nentryPoints: {web: {}}\nx-base: 1\nhttp: {models: {a: {}}}\n---\na: 1\n",
    );
    assert_eq!(
        told(&decoded),
        [
            "warning : only the first document of a file is read, as in Traefik",
            "warning entryPoints: it is no dynamic configuration and has no effect, as in Traefik",
            "error http.models: models are not served: set middlewares and tls at the entry points",
            "error tcp: TCP is not served yet",
        ]
    );
    assert_eq!(yaml("").objects, Objects::default());
}

/// Keys and values that occur in configurations, in any nesting.
fn tree() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "http",
        "tls",
        "routers",
        "services",
        "middlewares",
        "options",
        "certificates",
        "stores",
        "a",
        "rule",
        "tls",
        "loadBalancer",
        "servers",
        "url",
        "weighted",
        "compress",
        "headers",
        "basicAuth",
        "usersFile",
        "certFile",
        "x-y",
    ]);
    let leaf =
        prop_oneof![Just("~".to_owned()), "[a-z0-9]{0,4}", "-?[0-9]{1,20}", Just("true".to_owned()), "\\PC{0,8}"];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|entries| {
                let entries: Vec<_> = entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place_within_it(text in tree(), format in prop_oneof![Just(Format::Yaml), Just(Format::Toml)]) {
        let lines = text.lines().count().max(1) + 1;
        match decode(&text, format, "a", &files) {
            Ok(decoded) => {
                for finding in &decoded.findings {
                    let place = locate(&text, format, &finding.path, true);
                    prop_assert!(place.is_none_or(|place| (1..=lines).contains(&place.line)), "{:?}", place);
                }
            }
            Err(broken) => prop_assert!(broken.place.is_none_or(|place| (1..=lines).contains(&place.line)), "{:?}", broken),
        }
    }
}

#[test]
fn a_key_is_not_shown() {
    let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7";
    let decoded = yaml(&format!("tls: {{certificates: [{{certFile: /tls/a.crt, keyFile: {key:?}}}]}}"));
    assert_eq!(told(&decoded), ["error tls.certificates.[0].keyFile: it is neither PEM nor the name of a file"]);
    let decoded = yaml("http: {serversTransports: {a: {certificates: [{certFile: x, keyFile: secret}]}}}");
    assert!(!format!("{decoded:?}").contains("secret"));
}
