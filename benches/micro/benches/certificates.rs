//! Finding a certificate by server name, among few and among many.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use criterion::{Criterion, criterion_group, criterion_main};
use flow_model::config::{Certificate, Objects};
use proxy::tls::{DefaultCertificate, TlsInput, TlsState};
use rustls::SignatureScheme;
use std::hint::black_box;
use std::sync::Arc;

fn certificates(count: usize) -> Vec<Arc<Certificate>> {
    let key = rcgen::KeyPair::generate().unwrap();
    let issue = |n| {
        let parameters = rcgen::CertificateParams::new([format!("h{n}.many.test")]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let (chain, key) = (certificate.pem().into_bytes(), key.serialize_pem().into_bytes());
        Arc::new(Certificate { origin: format!("many-c{n}").into(), chain, key })
    };
    (0..count).map(issue).collect()
}

fn look_up(bench: &mut Criterion) {
    let schemes = [SignatureScheme::ED25519, SignatureScheme::ECDSA_NISTP256_SHA256];
    for count in [10, 10_000] {
        let certificates = certificates(count);
        let input = TlsInput {
            certificates: &certificates,
            default: DefaultCertificate::SelfSigned,
            options: &Objects::default(),
            hosts: &[],
        };
        let (state, findings) = TlsState::compile(input, None);
        assert!(findings.is_empty(), "{findings:?}");
        let names: Vec<String> = (0..64).map(|n| format!("h{}.many.test", n * 7919 % count)).collect();
        let mut turn = names.iter().cycle();
        bench.bench_function(&format!("certificate by name/{count}"), |bencher| {
            bencher.iter(|| {
                let name = turn.next().unwrap();
                assert!(state.certificate(black_box(name), &schemes).is_some());
            });
        });
    }
}

criterion_group!(benches, look_up);
criterion_main!(benches);
