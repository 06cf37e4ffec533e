#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::account as accounts;
use crate::objects::{
    AcmeSpec, Certificate, CertificateSpec, ChallengeSpec, ConditionStatus, Issuer, IssuerRef, IssuerSpec, Key, Meta,
    Object, Order, Owner, SecretKeyRef, State, set_condition,
};
use flow_model::challenge::ChallengeLookup as _;
use jiff::Timestamp;
use std::sync::Arc;

const TOKEN: &str = "0123456789-abcdefghij_KLMNO";

struct Scene {
    view: View,
    settings: Settings,
    thumbprint: String,
}

fn reference() -> IssuerRef {
    IssuerRef { name: "le".to_owned(), kind: "ClusterIssuer".to_owned(), group: String::new() }
}

fn scene() -> Scene {
    let settings = Settings::default();
    let mut view = View::default();
    let acme = AcmeSpec {
        private_key_secret_ref: SecretKeyRef { name: "le".to_owned(), ..SecretKeyRef::default() },
        ..AcmeSpec::default()
    };
    let issuer: Issuer = Object {
        metadata: Meta::named(Key::new("", "le")),
        spec: IssuerSpec { acme: Some(acme), ..IssuerSpec::default() },
        status: Default::default(),
    };
    view.issuers.insert(issuer.key(), Arc::new(issuer));
    let key = accounts::generate().unwrap();
    let place = Key::new(settings.cluster_resource_namespace.clone(), "le");
    view.secrets.insert(place.clone(), Arc::new(accounts::secret(&place, "tls.key", &key)));
    let mut order = Order { metadata: Meta::named(Key::new("web", "order")), ..Order::default() };
    order.metadata.uid = "order-uid".to_owned();
    view.orders.insert(order.key(), Arc::new(order));
    Scene { view, settings, thumbprint: key.thumbprint().unwrap() }
}

impl Scene {
    fn challenge(&self) -> Challenge {
        let order = &self.view.orders[&Key::new("web", "order")];
        let mut metadata = Meta::named(Key::new("web", "challenge"));
        metadata.owner_references = vec![Owner::controller("acme.cert-manager.io/v1", "Order", &order.metadata)];
        let spec = ChallengeSpec {
            dns_name: "A.example".to_owned(),
            kind: "HTTP-01".to_owned(),
            token: TOKEN.to_owned(),
            key: format!("{TOKEN}.{}", self.thumbprint),
            issuer_ref: reference(),
            ..ChallengeSpec::default()
        };
        Object { metadata, spec, status: Default::default() }
    }

    fn table(&self, challenge: Challenge) -> Arc<ChallengeTable> {
        let mut view = self.view.clone();
        view.challenges.insert(challenge.key(), Arc::new(challenge));
        let table = ChallengeTable::new();
        table.publish(&Arc::new(view), &self.settings, Timestamp::now());
        table
    }
}

#[test]
fn a_challenge_of_an_order_is_answered() {
    let scene = scene();
    let table = scene.table(scene.challenge());
    let wanted = format!("{TOKEN}.{}", scene.thumbprint);
    assert_eq!(table.response("a.example", TOKEN).as_deref(), Some(&*wanted));
    assert_eq!(table.response("b.example", TOKEN), None);
    assert_eq!(table.response("a.example", "another-token-0123456789"), None);
    assert!(table.certificate("a.example").is_none());
}

#[test]
fn forged_challenges_are_not() {
    let scene = scene();
    type Forge = fn(&mut Challenge);
    let forgeries: [(&str, Forge); 8] = [
        ("another account's key", |c| c.spec.key = format!("{TOKEN}.{}", "A".repeat(43))),
        ("any text", |c| c.spec.key = "<html>".to_owned()),
        ("another token's key", |c| c.spec.token = "0123456789-abcdefghij_KLMNX".to_owned()),
        ("a token that is none", |c| {
            c.spec.key = c.spec.key.replace(TOKEN, "../../etc/passwd-0123456789");
            c.spec.token = "../../etc/passwd-0123456789".to_owned();
        }),
        ("no order", |c| c.metadata.owner_references.clear()),
        ("an order that is not there", |c| c.metadata.owner_references[0].name = "other".to_owned()),
        ("an order of another uid", |c| c.metadata.owner_references[0].uid = "x".to_owned()),
        ("an issuer that is not there", |c| c.spec.issuer_ref.name = "other".to_owned()),
    ];
    for (what, forge) in forgeries {
        let mut challenge = scene.challenge();
        forge(&mut challenge);
        let (host, token) = (challenge.spec.dns_name.to_lowercase(), challenge.spec.token.clone());
        assert_eq!(scene.table(challenge).response(&host, &token), None, "{what}");
    }
}

#[test]
fn failed_challenges_are_answered_no_more() {
    let scene = scene();
    let mut challenge = scene.challenge();
    challenge.status.state = State::Invalid;
    assert_eq!(scene.table(challenge).response("a.example", TOKEN), None);
}

#[test]
fn tokens_ahead_of_the_cache_are_answered_for_names_in_the_making_only() {
    let scene = scene();
    let certificate = |name: &str, host: &str, issuing: bool| {
        let spec =
            CertificateSpec { dns_names: vec![host.to_owned()], issuer_ref: reference(), ..CertificateSpec::default() };
        let mut certificate: Certificate =
            Object { metadata: Meta::named(Key::new("web", name)), spec, status: Default::default() };
        let status = if issuing { ConditionStatus::True } else { ConditionStatus::False };
        set_condition(&mut certificate.status.conditions, "Issuing", status, "x", "", None, Timestamp::now());
        certificate
    };
    let mut view = scene.view.clone();
    let mut stranger = certificate("c", "c.example", true);
    stranger.spec.issuer_ref.name = "unknown".to_owned();
    for certificate in [certificate("a", "a.example", true), certificate("b", "b.example", false), stranger] {
        view.certificates.insert(certificate.key(), Arc::new(certificate));
    }
    let table = ChallengeTable::new();
    table.publish(&Arc::new(view), &scene.settings, Timestamp::now());
    let token = "never-seen-before-0123456789";
    let wanted = format!("{token}.{}", scene.thumbprint);
    assert_eq!(table.response("a.example", token).as_deref(), Some(&*wanted));
    for (host, token) in [
        ("b.example", token),
        ("c.example", token),
        ("a.example", "short"),
        ("a.example", "<script>0123456789abcdef</script>"),
    ] {
        assert_eq!(table.response(host, token), None, "{host} {token}");
    }
}

#[test]
fn names_are_proved_over_tls() {
    let scene = scene();
    let mut challenge = scene.challenge();
    challenge.metadata.annotations.insert(CHALLENGE_TYPE.to_owned(), "TLS-ALPN-01".to_owned());
    let table = scene.table(challenge);
    assert!(table.certificate("a.example").is_some());
    assert!(table.certificate("b.example").is_none());
    assert_eq!(table.response("a.example", TOKEN), None);
}

#[tokio::test]
async fn a_replica_is_asked_as_the_ca_would() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers = [
        "200 OK\r\ncontent-length: 3\r\n\r\nkey",
        "200 OK\r\ncontent-length: 4\r\n\r\nkey\n",
        "404 Not Found\r\ncontent-length: 0\r\n\r\n",
    ];
    let server = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            let n = stream.read(&mut buffer).await.unwrap();
            asked.push(String::from_utf8_lossy(&buffer[..n]).into_owned());
            stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.unwrap();
        }
        asked
    });
    assert_eq!(probe::http(address, "a.example", TOKEN, "key").await, Ok(()));
    assert_eq!(probe::http(address, "a.example", TOKEN, "key").await, Err(probe::ProbeError::Text));
    let error = probe::http(address, "2001:db8::1", TOKEN, "key").await.unwrap_err();
    assert_eq!(error.to_string(), "wrong status code '404', expected '200'");
    let asked = server.await.unwrap();
    assert!(asked[0].starts_with(&format!("GET /.well-known/acme-challenge/{TOKEN} HTTP/1.1\r\nhost: a.example\r\n")));
    assert!(asked[2].contains("host: [2001:db8::1]\r\n"));
    // The listener is closed.
    let error = probe::http(address, "a.example", TOKEN, "key").await.unwrap_err().to_string();
    assert!(error.starts_with("failed to perform self check GET request 'http://a.example/.well-known/"), "{error}");
}

#[test]
fn the_table_follows_changes() {
    let mut scene = scene();
    let table = ChallengeTable::new();
    let publish = |scene: &Scene| table.publish(&Arc::new(scene.view.clone()), &scene.settings, Timestamp::now());
    let asked = || table.response("a.example", TOKEN).is_some();
    publish(&scene);
    assert!(!asked());
    let challenge = scene.challenge();
    scene.view.challenges.insert(challenge.key(), Arc::new(challenge.clone()));
    publish(&scene);
    assert!(asked());
    // Not without its order.
    let order = scene.view.orders.remove(&Key::new("web", "order")).unwrap();
    publish(&scene);
    assert!(!asked());
    scene.view.orders.insert(order.key(), order);
    publish(&scene);
    assert!(asked());
    // Nor for another account.
    let place = Key::new(scene.settings.cluster_resource_namespace.clone(), "le");
    let other = Arc::new(accounts::secret(&place, "tls.key", &accounts::generate().unwrap()));
    let own = scene.view.secrets.insert(place.clone(), other).unwrap();
    publish(&scene);
    assert!(!asked());
    scene.view.secrets.insert(place, own);
    publish(&scene);
    assert!(asked());
    // A second token of the same host does not disturb the first one.
    let mut second = challenge.clone();
    second.metadata.name = "second".to_owned();
    second.spec.token = "0123456789-abcdefghij-second".to_owned();
    second.spec.key = format!("{}.{}", second.spec.token, scene.thumbprint);
    scene.view.challenges.insert(second.key(), Arc::new(second.clone()));
    publish(&scene);
    assert!(asked() && table.response("a.example", &second.spec.token).is_some());
    scene.view.challenges.remove(&second.key());
    publish(&scene);
    assert!(asked() && table.response("a.example", &second.spec.token).is_none());
    scene.view.challenges.remove(&challenge.key());
    publish(&scene);
    assert!(!asked());
}
