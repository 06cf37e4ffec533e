use super::ca::FakeCa;
use super::crash::Fuse;
use super::store::{Cluster, Watched};
use crate::engine::{Engine, Metrics};
use crate::http01::ChallengeTable;
use crate::objects::{
    AcmeSpec, Algorithm, Certificate, CertificateSpec, Condition, Http01, Http01Ingress, Issuer, IssuerRef, IssuerSpec,
    Key, Meta, Object, PrivateKeySpec, SecretKeyRef, Solver, condition,
};
use crate::planner::Write;
use crate::store::Replicas;
use crate::store::memory::Memory;
use crate::view::{Settings, View};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A cluster, a CA, and one replica at a time.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) ca: Arc<FakeCa>,
    pub(super) settings: Settings,
    /// The engine's clock.
    pub(super) clock: fn() -> Timestamp,
}

pub(super) struct Replica {
    pub(super) store: Arc<Watched>,
    stop: CancellationToken,
    engine: JoinHandle<()>,
}

impl Replica {
    /// Ends it like SIGKILL.
    pub(super) fn kill(self) {
        self.engine.abort();
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.engine.await.unwrap();
    }
}

pub(super) fn issuer() -> Issuer {
    let acme = AcmeSpec {
        email: "admin@example.com".to_owned(),
        server: "https://ca.example/dir".to_owned(),
        private_key_secret_ref: SecretKeyRef { name: "letsencrypt-prod".to_owned(), ..SecretKeyRef::default() },
        solvers: vec![Solver {
            http01: Some(Http01 {
                ingress: Some(Http01Ingress { class: Some("traefik".to_owned()), ..Http01Ingress::default() }),
                ..Http01::default()
            }),
            ..Solver::default()
        }],
        ..AcmeSpec::default()
    };
    let metadata = Meta::named(Key::new("", "letsencrypt-prod"));
    Object { metadata, spec: IssuerSpec { acme: Some(acme), ..IssuerSpec::default() }, status: Default::default() }
}

pub(super) fn certificate(name: &str, hosts: &[&str]) -> Certificate {
    let spec = CertificateSpec {
        secret_name: name.to_owned(),
        issuer_ref: IssuerRef {
            name: "letsencrypt-prod".to_owned(),
            kind: "ClusterIssuer".to_owned(),
            ..IssuerRef::default()
        },
        dns_names: hosts.iter().map(|host| (*host).to_owned()).collect(),
        private_key: Some(PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() }),
        ..CertificateSpec::default()
    };
    Object { metadata: Meta::named(Key::new("web", name)), spec, status: Default::default() }
}

impl World {
    pub(super) fn new(certificates: &[Certificate]) -> Self {
        let cluster = Cluster {
            memory: Arc::new(Mutex::new(Memory::default())),
            events: Arc::default(),
            replicas: Arc::new(Mutex::new(Replicas::Alone)),
        };
        let ca = FakeCa::new(ChallengeTable::new());
        let world = Self { cluster, ca, settings: Settings::default(), clock: simulated };
        world.apply(&Write::Create(issuer().into()));
        for certificate in certificates {
            world.apply(&Write::Create(certificate.clone().into()));
        }
        world
    }

    /// A write by another client.
    pub(super) fn apply(&self, write: &Write) {
        self.cluster.memory.lock().write(write, Timestamp::now()).unwrap();
    }

    pub(super) fn start(&self, fuse: Fuse) -> Replica {
        let fuse = Arc::new(fuse);
        let store = Watched::new(&self.cluster, Arc::clone(&fuse));
        let table = ChallengeTable::new();
        *self.ca.table.lock() = Arc::clone(&table);
        *self.ca.fuse.lock() = fuse;
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let stop = CancellationToken::new();
        let (a, b) = (Arc::clone(&store), Arc::clone(&self.ca));
        let engine = Engine::new(a, b, table, self.settings.clone(), metrics).with_clock(self.clock);
        let engine = tokio::spawn(engine.run(stop.clone()));
        Replica { store, stop, engine }
    }

    pub(super) fn view(&self) -> View {
        self.cluster.memory.lock().view.clone()
    }

    pub(super) fn condition(&self, certificate: &str, kind: &str) -> Option<Condition> {
        let view = self.view();
        let certificate = &view.certificates[&Key::new("web", certificate)];
        condition(&certificate.status.conditions, kind).cloned()
    }

    /// Waits, in simulated time, until `holds` is true.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&View) -> bool) {
        for _ in 0..40_000 {
            if holds(&self.view()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} never came: {:#?}", self.view().certificates);
    }
}

/// True if every Certificate is issued.
pub(super) fn all_issued(view: &View) -> bool {
    view.certificates.values().all(|certificate| {
        certificate.status.revision.is_some()
            && condition(&certificate.status.conditions, "Issuing").is_none()
            && condition(&certificate.status.conditions, "Ready").is_some_and(|c| c.reason == "Ready")
    }) && view.challenges.is_empty()
}

/// A clock that follows simulated time from its first use on.
pub(super) fn simulated() -> Timestamp {
    thread_local! {
        static BEGUN: (tokio::time::Instant, Timestamp) = (tokio::time::Instant::now(), Timestamp::now());
    }
    BEGUN.with(|(instant, at)| *at + jiff::SignedDuration::try_from(instant.elapsed()).unwrap())
}

/// Moves the last order of `web/NAME` into the past.
pub(super) fn ordered_before(certificate: &mut Certificate, hours: i64) {
    let ordered = certificate.status.conditions.iter_mut().find(|c| c.kind == "Ordered").unwrap();
    ordered.last_transition_time = Some(Timestamp::now() - jiff::SignedDuration::from_hours(hours));
}
