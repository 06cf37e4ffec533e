use super::{certificate, certificate_with};
use crate::tls::{DefaultCertificate, TlsInput, TlsState, TlsSubject};
use flow_model::config::{Certificate, ClientAuth, ClientAuthType, Domain, Objects, TlsOptions};
use flow_model::diagnostic::Severity;
use hashbrown::HashMap;
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use rustls::SignatureScheme;
use std::sync::Arc;

const ALL: &[SignatureScheme] =
    &[SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ED25519];

fn state(certificates: &[Arc<Certificate>]) -> TlsState {
    let options = Objects::default();
    let (state, findings) = TlsState::compile(
        TlsInput {
            certificates,
            default: DefaultCertificate::SelfSigned,
            options: &options,
            hosts: &[HashMap::default()],
        },
        None,
    );
    assert_eq!(findings, []);
    state
}

fn findings(options: TlsOptions) -> (bool, Vec<(Severity, String)>) {
    let options: Objects<TlsOptions> = [("default".into(), Arc::new(options))].into_iter().collect();
    let input = TlsInput { certificates: &[], default: DefaultCertificate::SelfSigned, options: &options, hosts: &[] };
    let (state, findings) = TlsState::compile(input, None);
    let again = TlsState::compile(input, Some(&state)).1;
    assert_eq!(findings, again, "what was found once is found again");
    let served = state.option_for(0, "a.test").1.is_some();
    (served, findings.into_iter().map(|finding| (finding.severity, finding.message)).collect())
}

/// The common name of the certificate for `name`.
fn found(state: &TlsState, name: &str, schemes: &[SignatureScheme]) -> Option<String> {
    let key = state.keyring.index.find(name, schemes)?;
    let all = state.certificates().map(|info| info.common_name.clone());
    let by_key = state.keyring.certificates.iter().filter_map(|(_, loaded)| loaded.as_ref());
    by_key.zip(all).find(|(loaded, _)| Arc::ptr_eq(&loaded.key, key)).map(|(_, name)| name)
}

#[test]
fn names_are_matched_exactly_then_by_one_wildcard_label() {
    let state = state(&[certificate("one", &["a.test", "B.test"]), certificate("wild", &["*.test", "*.x.test"])]);
    for (name, wanted) in [
        ("a.test", Some("one")),
        ("b.test", Some("one")),
        ("c.test", Some("wild")),
        ("y.x.test", Some("wild")),
        ("z.y.x.test", None),
        ("test", None),
        ("one", Some("one")),
        ("", None),
    ] {
        assert_eq!(found(&state, name, ALL).as_deref(), wanted, "{name}");
    }
}

#[test]
fn of_several_the_last_list_of_names_wins_and_equal_lists_are_one() {
    let both = ["a.test", "b.test"];
    let certificates =
        [certificate("same", &["a.test"]), certificate("same", &["a.test", "z.test"]), certificate("same", &both)];
    let found = state(&certificates).keyring.index.find("a.test", ALL).unwrap().clone();
    let last = crate::tls::certificate::load(&certificates[1]).unwrap();
    assert_eq!(found.cert, last.key.cert);

    let twice = [certificate("same", &["a.test"]), certificate("same", &["a.test"])];
    let found = state(&twice).keyring.index.find("a.test", ALL).unwrap().clone();
    assert_eq!(found.cert, crate::tls::certificate::load(&twice[0]).unwrap().key.cert);
}

#[test]
fn the_client_s_signature_schemes_decide_between_keys() {
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let state = state(&[certificate_with("p384", &["a.test"], &p384), certificate_with("ed", &["a.test"], &ed25519)]);
    for (scheme, wanted) in [(SignatureScheme::ECDSA_NISTP384_SHA384, "p384"), (SignatureScheme::ED25519, "ed")] {
        assert_eq!(found(&state, "a.test", &[scheme]).as_deref(), Some(wanted));
    }
    assert!(found(&state, "a.test", &[SignatureScheme::RSA_PSS_SHA256]).is_some(), "the handshake will say no");
}

#[test]
fn broken_certificates_are_found_and_the_others_live() {
    let good = certificate("good", &["a.test"]);
    let other = certificate("other", &["a.test"]);
    let with = |chain: &[u8], key: &[u8]| {
        Arc::new(Certificate { origin: "x".into(), chain: chain.to_vec(), key: key.to_vec() })
    };
    let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let certificates = [
        with(&good.chain, &other.key),
        with(b"", &good.key),
        with(garbage, &good.key),
        with(b"-----BEGIN CERTIFICATE-----\n!!!", &good.key),
        with(&good.chain, b""),
        with(&good.chain, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        Arc::clone(&good),
    ];
    let options = Objects::default();
    let input = TlsInput {
        certificates: &certificates,
        default: DefaultCertificate::Given(&certificates[0]),
        options: &options,
        hosts: &[],
    };
    let (state, findings) = TlsState::compile(input, None);
    let mut wanted: Vec<_> = (0..6).map(TlsSubject::Certificate).collect();
    wanted.push(TlsSubject::DefaultCertificate);
    assert_eq!(findings.iter().map(|finding| finding.subject.clone()).collect::<Vec<_>>(), wanted);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Error));
    assert!(findings[0].message.contains("does not belong"), "{}", findings[0].message);
    assert_eq!(found(&state, "a.test", ALL).as_deref(), Some("good"));
    assert_eq!(state.certificates().count(), 1);
    assert!(state.keyring.index.default().is_some());
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let certificates = [certificate("one", &["a.test"]), certificate("two", &["b.test"])];
    let first = state(&certificates);
    let options = Objects::default();
    let renewed = [Arc::clone(&certificates[0]), certificate("two", &["b.test"])];
    let input =
        TlsInput { certificates: &renewed, default: DefaultCertificate::SelfSigned, options: &options, hosts: &[] };
    let (second, _) = TlsState::compile(input, Some(&first));
    let key = |state: &TlsState, name| Arc::as_ptr(state.keyring.index.find(name, ALL).unwrap());
    assert_eq!(key(&first, "a.test"), key(&second, "a.test"));
    assert_ne!(key(&first, "b.test"), key(&second, "b.test"));
    let settings = |state: &TlsState| Arc::as_ptr(&state.option_for(0, "").1.unwrap().settings);
    assert_eq!(settings(&first), settings(&second), "tickets stay good");
    let (third, _) = TlsState::compile(input, Some(&second));
    assert!(Arc::ptr_eq(&second.keyring, &third.keyring));
}

#[test]
fn the_default_certificate_may_be_one_of_the_others() {
    let options = Objects::default();
    let certificates = [certificate("more", &["a.test", "b.test"]), certificate("a.test", &["A.test"])];
    let compiled = |main: &str, sans: &[&str], previous: Option<&TlsState>| {
        let domain = Domain { main: main.to_owned(), sans: sans.iter().map(|name| (*name).to_owned()).collect() };
        let default = DefaultCertificate::For(&domain);
        let input = TlsInput { certificates: &certificates, default, options: &options, hosts: &[] };
        let (state, findings) = TlsState::compile(input, previous);
        assert_eq!(findings, []);
        state
    };
    let default = |state: &TlsState| state.keyring.index.default().unwrap().cert.clone();
    let of = |index: usize| crate::tls::certificate::load(&certificates[index]).unwrap().key.cert.clone();
    let first = compiled("a.test", &[], None);
    assert_eq!(default(&first), of(1));
    let second = compiled("more", &["B.test", "a.test"], Some(&first));
    assert_eq!(default(&second), of(0), "with its common name");
    let none = compiled("c.test", &[], Some(&second));
    assert!(![of(0), of(1)].contains(&default(&none)), "a self-signed one");
    assert_eq!(none.certificates().count(), 2);
}

#[test]
fn certificates_say_who_they_are() {
    let state = state(&[certificate("One", &["b.test", "a.test", "192.0.2.1"])]);
    let info = state.certificates().next().unwrap();
    let origin = &info.origin;
    assert_eq!(&**origin, "One");
    assert_eq!((&*info.common_name, &*info.issuer), ("One", "One"));
    assert_eq!(info.names.iter().map(|name| &**name).collect::<Vec<_>>(), ["192.0.2.1", "a.test", "b.test"]);
    assert!(info.serial.bytes().all(|byte| byte.is_ascii_digit()) && !info.serial.is_empty());
    assert!(info.not_before < info.not_after);
    assert!(state.keyring.index.find_address("192.0.2.1".parse().unwrap(), ALL).is_some());
}

#[test]
fn options_are_chosen_by_host() {
    let option = || Arc::new(TlsOptions::default());
    let options: Objects<TlsOptions> =
        [("strict@file".into(), option()), ("wild@file".into(), option())].into_iter().collect();
    let hosts = [
        HashMap::default(),
        [("a.test", "strict@file"), ("*.test", "wild@file"), ("gone.test", "gone@file")]
            .map(|(host, option)| (host.into(), option.into()))
            .into_iter()
            .collect(),
    ];
    let input =
        TlsInput { certificates: &[], default: DefaultCertificate::SelfSigned, options: &options, hosts: &hosts };
    let (state, _) = TlsState::compile(input, None);
    let chosen = |entry_point, name| {
        let (option, served) = state.option_for(entry_point, name);
        (option.to_string(), served.is_some())
    };
    assert_eq!(chosen(1, "a.test"), ("strict@file".into(), true));
    assert_eq!(chosen(1, "b.test"), ("wild@file".into(), true));
    assert_eq!(chosen(1, "c.b.test"), ("default".into(), true));
    assert_eq!(chosen(1, "gone.test"), ("gone@file".into(), false));
    for (entry_point, name) in [(0, "a.test"), (2, "a.test"), (1, ""), (1, "test")] {
        assert_eq!(chosen(entry_point, name), ("default".into(), true));
    }
}

#[test]
fn options_that_leave_nothing_are_broken() {
    let auth = |kind, ca_files: &[&str]| {
        Some(ClientAuth { ca_files: ca_files.iter().map(|&pem| pem.into()).collect(), client_auth_type: Some(kind) })
    };
    use ClientAuthType::*;
    let bad_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for broken in [
        TlsOptions { max_version: "VersionTLS11".into(), ..Default::default() },
        TlsOptions { min_version: "VersionTLS13".into(), max_version: "VersionTLS12".into(), ..Default::default() },
        TlsOptions { cipher_suites: vec!["TLS_NO_SUCH".into()], ..Default::default() },
        TlsOptions {
            cipher_suites: vec!["TLS_RSA_WITH_AES_128_CBC_SHA".into()],
            max_version: "VersionTLS12".into(),
            ..Default::default()
        },
        TlsOptions { curve_preferences: vec!["P1".into()], ..Default::default() },
        TlsOptions { curve_preferences: vec!["CurveP521".into()], ..Default::default() },
        TlsOptions { client_auth: auth(RequireAndVerifyClientCert, &[]), ..Default::default() },
        TlsOptions { client_auth: auth(VerifyClientCertIfGiven, &["no pem"]), ..Default::default() },
        TlsOptions { client_auth: auth(RequireAndVerifyClientCert, &[bad_pem]), ..Default::default() },
        TlsOptions { broken: Some("Secret a/b is missing".into()), ..Default::default() },
    ] {
        let (served, findings) = findings(broken.clone());
        assert!(!served, "{broken:?}");
        assert_eq!(findings.iter().filter(|(severity, _)| *severity == Severity::Error).count(), 1, "{broken:?}");
    }
}

#[test]
fn what_is_served_otherwise_is_said() {
    for (options, wanted) in [
        (TlsOptions::default(), None),
        (TlsOptions { min_version: "VersionTLS10".into(), ..Default::default() }, Some("TLS 1.0 and 1.1")),
        (TlsOptions { min_version: "TLS9".into(), ..Default::default() }, Some("minVersion TLS9")),
        (
            TlsOptions {
                cipher_suites: vec![
                    "TLS_RSA_WITH_AES_128_CBC_SHA".into(),
                    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".into(),
                ],
                ..Default::default()
            },
            Some("TLS_RSA_WITH_AES_128_CBC_SHA"),
        ),
        (
            TlsOptions { curve_preferences: vec!["CurveP521".into(), "X25519".into()], ..Default::default() },
            Some("CurveP521"),
        ),
    ] {
        let (served, findings) = findings(options.clone());
        assert!(served, "{options:?}");
        assert_eq!(findings.len(), usize::from(wanted.is_some()), "{findings:?}");
        for (severity, message) in findings {
            assert_eq!(severity, Severity::Warning);
            assert!(message.contains(wanted.unwrap()), "{message}");
        }
    }
}

#[test]
fn an_index_that_follows_changes_is_that_from_nothing() {
    let names = ["a.test", "b.test", "*.test", "c.test"];
    let all: Vec<Arc<Certificate>> = (0..12)
        .map(|number: usize| {
            let of: Vec<&str> =
                names.iter().enumerate().filter(|(at, _)| (number >> at) & 1 == 1).map(|(_, n)| *n).collect();
            certificate("same", if of.is_empty() { &names } else { &of })
        })
        .collect();
    let options = Objects::default();
    let mut random = fastrand::Rng::with_seed(7);
    let mut last: Option<TlsState> = None;
    for step in 0..200 {
        let mut given: Vec<_> = all.iter().filter(|_| random.bool()).cloned().collect();
        if step % 3 == 0 {
            random.shuffle(&mut given);
        }
        let default = DefaultCertificate::SelfSigned;
        let input = TlsInput { certificates: &given, default, options: &options, hosts: &[] };
        let (followed, _) = TlsState::compile(input, last.as_ref());
        let (fresh, _) = TlsState::compile(input, None);
        for name in ["a.test", "b.test", "x.test", "c.test", "same"] {
            let place = |state: &TlsState| {
                let key = state.keyring.index.find(name, ALL)?;
                let mut all = state.keyring.certificates.iter();
                all.position(|(_, loaded)| loaded.as_ref().is_some_and(|loaded| Arc::ptr_eq(&loaded.key, key)))
            };
            assert_eq!(place(&followed), place(&fresh), "step {step}: {name}");
        }
        last = Some(followed);
    }
}
