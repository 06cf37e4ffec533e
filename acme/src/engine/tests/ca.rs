use super::crash::Fuse;
use crate::ca::{
    Account, Authorization, Ca, CaChallenge, CaError, Directory, NewOrder, OrderState, Problem, Registration,
    RenewalInfo,
};
use crate::http01::ChallengeTable;
use crate::objects::State;
use crate::x509::key::pem_block;
use async_trait::async_trait;
use flow_model::challenge::ChallengeLookup as _;
use jiff::Timestamp;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::CertificateSigningRequestDer;
use std::sync::Arc;
use std::time::Duration;

/// The requests that the fake CA has seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) orders: Vec<Placed>,
    pub(super) registered: Vec<String>,
    pub(super) accepted: usize,
    pub(super) calls: usize,
    pub(super) issued: usize,
}

pub(super) struct Placed {
    pub(super) names: Vec<String>,
    pub(super) replaces: String,
    pub(super) state: State,
    pub(super) proofs: Vec<Proof>,
    chain: Option<String>,
    error: Option<Problem>,
}

pub(super) struct Proof {
    name: String,
    token: String,
    pub(super) state: State,
    error: Option<Problem>,
}

type Rule = Box<dyn Fn(&str) -> Option<CaError> + Send + Sync>;

/// A CA in memory that reads the table of challenges as Let's Encrypt would ask the proxy.
pub(super) struct FakeCa {
    pub(super) seen: Mutex<Seen>,
    pub(super) table: Mutex<Arc<ChallengeTable>>,
    pub(super) fuse: Mutex<Arc<Fuse>>,
    /// Refuses calls by their word.
    pub(super) refuse: Mutex<Rule>,
    pub(super) wrong_key: Mutex<bool>,
    pub(super) window: Mutex<Option<RenewalInfo>>,
    issuer: Issuer<'static, KeyPair>,
}

fn refused(status: u16, kind: &str, detail: &str) -> CaError {
    CaError::Refused(problem(status, kind, detail))
}

fn problem(status: u16, kind: &str, detail: &str) -> Problem {
    let kind = format!("urn:ietf:params:acme:error:{kind}");
    Problem { status, kind, detail: detail.to_owned(), ..Problem::default() }
}

impl FakeCa {
    pub(super) fn new(table: Arc<ChallengeTable>) -> Arc<Self> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Fake Root");
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        Arc::new(Self {
            seen: Mutex::default(),
            table: Mutex::new(table),
            fuse: Mutex::default(),
            refuse: Mutex::new(Box::new(|_| None)),
            wrong_key: Mutex::new(false),
            window: Mutex::new(None),
            issuer: Issuer::new(params, key),
        })
    }

    /// Counts a call. It may be refused, and the caller may die before the call arrives.
    async fn begin(&self, word: &str) -> Result<(), CaError> {
        let fuse = Arc::clone(&self.fuse.lock());
        fuse.burn().await;
        self.seen.lock().calls += 1;
        let refused = (self.refuse.lock())(word);
        refused.map_or(Ok(()), Err)
    }

    /// The caller may die before it gets the response.
    async fn end(&self) {
        let fuse = Arc::clone(&self.fuse.lock());
        fuse.burn().await;
    }

    fn state(&self, url: &str) -> Result<OrderState, CaError> {
        let seen = self.seen.lock();
        let number: usize = url.rsplit('/').next().unwrap().parse().unwrap();
        let order = seen.orders.get(number).ok_or_else(|| refused(404, "malformed", "no such order"))?;
        Ok(OrderState {
            url: url.to_owned(),
            state: order.state,
            authorizations: (0..order.proofs.len()).map(|n| format!("https://ca.example/authz/{number}/{n}")).collect(),
            finalize: format!("{url}/finalize"),
            error: order.error.clone(),
            retry_after: None,
        })
    }

    fn sign(&self, csr: &[u8]) -> String {
        let csr = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr.to_vec())).unwrap();
        let mut params = csr.params;
        params.use_authority_key_identifier_extension = true;
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2126, 1, 1);
        if *self.wrong_key.lock() {
            let other = KeyPair::generate().unwrap();
            return params.signed_by(&other, &self.issuer).unwrap().pem();
        }
        params.signed_by(&csr.public_key, &self.issuer).unwrap().pem()
    }
}

fn place(url: &str) -> (usize, usize) {
    let mut parts = url.rsplit('/').map(|part| part.parse().unwrap());
    let second = parts.next().unwrap();
    (parts.next().unwrap(), second)
}

#[async_trait]
impl Ca for FakeCa {
    async fn register(&self, _: &Directory, registration: &Registration) -> Result<String, CaError> {
        self.begin("register").await?;
        let thumbprint = registration.key.thumbprint().unwrap();
        {
            let mut seen = self.seen.lock();
            if !seen.registered.contains(&thumbprint) {
                seen.registered.push(thumbprint.clone());
            }
        }
        self.end().await;
        Ok(format!("https://ca.example/acct/{thumbprint}"))
    }

    async fn new_order(&self, _: &Account, order: &NewOrder) -> Result<OrderState, CaError> {
        self.begin("new_order").await?;
        let number = {
            let mut seen = self.seen.lock();
            let number = seen.orders.len();
            let names: Vec<String> = order.dns_names.iter().chain(&order.ip_addresses).cloned().collect();
            let proof = |(n, name): (usize, &String)| Proof {
                name: name.clone(),
                token: format!("token-of-some-length-{number}-{n}"),
                state: State::Pending,
                error: None,
            };
            let proofs = names.iter().enumerate().map(proof).collect();
            let replaces = order.replaces.clone();
            seen.orders.push(Placed { names, replaces, state: State::Pending, proofs, chain: None, error: None });
            number
        };
        self.end().await;
        self.state(&format!("https://ca.example/order/{number}"))
    }

    async fn order(&self, _: &Account, url: &str) -> Result<OrderState, CaError> {
        self.begin("order").await?;
        self.state(url)
    }

    async fn authorization(&self, _: &Account, url: &str) -> Result<Authorization, CaError> {
        self.begin("authorization").await?;
        let (order, number) = place(url);
        let seen = self.seen.lock();
        let proof = &seen.orders[order].proofs[number];
        Ok(Authorization {
            url: url.to_owned(),
            identifier: proof.name.clone(),
            wildcard: false,
            state: proof.state,
            challenges: vec![CaChallenge {
                kind: "http-01".to_owned(),
                url: format!("https://ca.example/chall/{order}/{number}"),
                token: proof.token.clone(),
                state: proof.state,
                error: proof.error.clone(),
            }],
            retry_after: None,
        })
    }

    async fn accept(&self, account: &Account, challenge: &str) -> Result<(), CaError> {
        self.begin("accept").await?;
        let (order, number) = place(challenge);
        let table = Arc::clone(&self.table.lock());
        {
            let mut seen = self.seen.lock();
            seen.accepted += 1;
            let order = &mut seen.orders[order];
            let proof = &mut order.proofs[number];
            if proof.state != State::Pending {
                return Err(refused(400, "malformed", "the authorization is not pending"));
            }
            let wanted = format!("{}.{}", proof.token, account.key.thumbprint().unwrap());
            if table.response(&proof.name, &proof.token).as_deref() == Some(&*wanted) {
                proof.state = State::Valid;
            } else {
                proof.state = State::Invalid;
                proof.error = Some(problem(403, "unauthorized", "no such token"));
                order.state = State::Invalid;
            }
            if order.proofs.iter().all(|proof| proof.state == State::Valid) {
                order.state = State::Ready;
            }
        }
        self.end().await;
        Ok(())
    }

    async fn finalize(&self, _: &Account, url: &str, csr: &[u8]) -> Result<OrderState, CaError> {
        self.begin("finalize").await?;
        let number: usize = url.rsplit('/').next().unwrap().parse().unwrap();
        let chain = self.sign(csr);
        {
            let mut seen = self.seen.lock();
            if seen.orders[number].state != State::Ready {
                return Err(refused(403, "orderNotReady", "the order is not ready"));
            }
            seen.orders[number].chain = Some(chain);
            seen.orders[number].state = State::Valid;
            seen.issued += 1;
        }
        self.end().await;
        self.state(url)
    }

    async fn certificate(&self, _: &Account, url: &str, _: &str) -> Result<Vec<u8>, CaError> {
        self.begin("certificate").await?;
        let number: usize = url.rsplit('/').next().unwrap().parse().unwrap();
        let chain = self.seen.lock().orders[number].chain.clone().unwrap();
        Ok(format!("{chain}{}", pem_block("CERTIFICATE", &pem_body(&chain))).into_bytes())
    }

    async fn renewal_info(&self, _: &Directory, _: &str, _: Timestamp) -> Result<Option<RenewalInfo>, CaError> {
        self.begin("renewal_info").await?;
        Ok(self.window.lock().clone())
    }
}

/// The leaf again, instead of an intermediate: only the form of the chain matters here.
fn pem_body(chain: &str) -> Vec<u8> {
    use rustls_pki_types::pem::PemObject as _;
    rustls_pki_types::CertificateDer::from_pem_slice(chain.as_bytes()).unwrap().to_vec()
}

/// An error: too many requests, retry in two minutes.
pub(super) fn rate_limited() -> CaError {
    let mut problem = problem(429, "rateLimited", "too many new orders recently");
    problem.retry_after = Some(Duration::from_secs(120));
    CaError::Refused(problem)
}

/// An error: the CA does not issue for this name.
pub(super) fn rejected() -> CaError {
    refused(400, "rejectedIdentifier", "policy forbids issuing for this name")
}
