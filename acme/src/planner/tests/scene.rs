use crate::account;
use crate::names::{CERTIFICATE_NAME, CERTIFICATE_REVISION, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME};
use crate::objects::{
    AcmeSpec, AcmeStatus, Algorithm, Certificate, CertificateRequest, CertificateSpec, Condition, ConditionStatus,
    Encoding, Http01, Issuer, IssuerRef, IssuerSpec, IssuerStatus, Key, Meta, Object, Owner, PrivateKeySpec,
    RequestSpec, Secret, SecretKeyRef, Solver, condition, set_condition,
};
use crate::planner;
use crate::planner::action::{Event, Plan, Write};
use crate::view::{Settings, View};
use crate::x509::key::PrivateKey;
use crate::x509::{csr, temporary};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The time of all scenes.
pub(super) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// A valid Certificate `web/a` for `a.example`; each test breaks something.
pub(super) struct Scene {
    pub(super) issuer: Issuer,
    pub(super) certificate: Certificate,
    pub(super) secret: Option<Secret>,
    pub(super) request: Option<CertificateRequest>,
    pub(super) more: View,
    pub(super) settings: Settings,
}

pub(super) fn ecdsa() -> PrivateKeySpec {
    PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() }
}

pub(super) fn certificate(name: &str, hosts: &[&str]) -> Certificate {
    let mut metadata = Meta::named(Key::new("web", name));
    metadata.uid = format!("{name}-uid");
    metadata.generation = 1;
    let spec = CertificateSpec {
        secret_name: name.to_owned(),
        issuer_ref: IssuerRef { name: "le".to_owned(), kind: "ClusterIssuer".to_owned(), group: String::new() },
        dns_names: hosts.iter().map(|host| (*host).to_owned()).collect(),
        private_key: Some(ecdsa()),
        ..CertificateSpec::default()
    };
    Object { metadata, spec, status: Default::default() }
}

/// A Secret with a certificate of 90 days from `since` on.
pub(super) fn secret(certificate: &Certificate, key: &PrivateKey, since: Timestamp) -> Secret {
    let chain = temporary::temporary(&certificate.spec, key, since).unwrap();
    let mut metadata = Meta::named(Key::new("web", certificate.spec.secret_name.clone()));
    metadata.uid = "secret-uid".to_owned();
    for (name, value) in [
        (CERTIFICATE_NAME, certificate.metadata.name.as_str()),
        (ISSUER_NAME, "le"),
        (ISSUER_KIND, "ClusterIssuer"),
        (ISSUER_GROUP, "cert-manager.io"),
    ] {
        metadata.annotations.insert(name.to_owned(), value.to_owned());
    }
    let data = BTreeMap::from([
        ("tls.crt".to_owned(), chain.into_bytes()),
        ("tls.key".to_owned(), key.to_pem(Encoding::PKCS1).into_bytes()),
    ]);
    Secret::new(metadata, "kubernetes.io/tls", data)
}

pub(super) fn request(certificate: &Certificate, key: &PrivateKey, revision: i64) -> CertificateRequest {
    let mut metadata = Meta::named(Key::new("web", format!("{}-{revision}", certificate.metadata.name)));
    metadata.uid = format!("request-{revision}-uid");
    metadata.annotations.insert(CERTIFICATE_REVISION.to_owned(), revision.to_string());
    metadata.annotations.insert(CERTIFICATE_NAME.to_owned(), certificate.metadata.name.clone());
    metadata.owner_references = vec![Owner::controller("cert-manager.io/v1", "Certificate", &certificate.metadata)];
    let text = csr::make(&certificate.spec, key).unwrap();
    let mut spec = RequestSpec::new(certificate.spec.issuer_ref.clone(), text, String::new());
    spec.usages.clone_from(&certificate.spec.usages);
    let mut request: CertificateRequest = Object { metadata, spec, status: Default::default() };
    set_condition(&mut request.status.conditions, "Ready", ConditionStatus::True, "Issued", "", None, now());
    request
}

impl Scene {
    pub(super) fn new() -> Self {
        let acme = AcmeSpec {
            server: "https://ca.example/dir".to_owned(),
            private_key_secret_ref: SecretKeyRef { name: "le".to_owned(), ..SecretKeyRef::default() },
            solvers: vec![Solver { http01: Some(Http01::default()), ..Solver::default() }],
            ..AcmeSpec::default()
        };
        let settings = Settings { renewal_information: false, ..Settings::default() };
        let account = account::generate().unwrap();
        let mut more = View::default();
        let place = Key::new(settings.cluster_resource_namespace.clone(), "le");
        more.secrets.insert(place.clone(), Arc::new(account::secret(&place, "tls.key", &account)));
        let mut status = IssuerStatus::default();
        let message = "The ACME account was registered with the ACME server";
        let reason = "ACMEAccountRegistered";
        set_condition(&mut status.conditions, "Ready", ConditionStatus::True, reason, message, Some(0), now());
        status.acme = Some(AcmeStatus {
            uri: "https://ca.example/acct/1".to_owned(),
            last_private_key_hash: account.fingerprint(),
            ..AcmeStatus::default()
        });
        let metadata = Meta::named(Key::new("", "le"));
        let issuer = Object { metadata, spec: IssuerSpec { acme: Some(acme), ..IssuerSpec::default() }, status };
        let mut certificate = certificate("a", &["a.example"]);
        certificate.status.revision = Some(1);
        let key = PrivateKey::generate(&ecdsa()).unwrap();
        let secret = Some(secret(&certificate, &key, now()));
        let request = Some(request(&certificate, &key, 1));
        Self { issuer, certificate, secret, request, more, settings }
    }

    pub(super) fn view(&self) -> View {
        let mut view = self.more.clone();
        view.issuers.insert(self.issuer.key(), Arc::new(self.issuer.clone()));
        view.certificates.insert(self.certificate.key(), Arc::new(self.certificate.clone()));
        if let Some(secret) = &self.secret {
            view.secrets.insert(secret.key(), Arc::new(secret.clone()));
        }
        if let Some(request) = &self.request {
            view.requests.insert(request.key(), Arc::new(request.clone()));
        }
        view
    }

    pub(super) fn plan(&self) -> Plan {
        planner::plan(&self.view(), &self.settings, now())
    }

    /// The Certificate after the first look.
    pub(super) fn updated(&self) -> Certificate {
        certificates(&self.plan()).pop().unwrap_or_else(|| self.certificate.clone())
    }

    pub(super) fn condition(&self, kind: &str) -> Option<Condition> {
        condition(&self.updated().status.conditions, kind).cloned()
    }
}

/// The Certificates whose status a plan writes.
pub(super) fn certificates(plan: &Plan) -> Vec<Certificate> {
    let writes = plan.steps.iter().flat_map(|step| &step.writes);
    let written = writes.filter_map(|write| match write {
        Write::Status(planner::Object::Certificate(certificate)) => Some(Certificate::clone(certificate)),
        _ => None,
    });
    written.collect()
}

/// The events of a plan.
pub(super) fn events(plan: &Plan) -> Vec<&Event> {
    plan.steps.iter().flat_map(|step| &step.events).collect()
}
