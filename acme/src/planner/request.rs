//! CertificateRequests: approving and checking them, and making Orders from them.

use super::action::{Event, Kind, Line, Plan, Step, Urgency, Write};
use super::budget;
use super::certificate::{foreign, issue};
use super::context::Context;
use super::issuer;
use super::local::{self, Local};
use crate::ca::Account;
use crate::http01::Method;
use crate::names::{self, CERTIFICATE_NAME};
use crate::objects::{
    AcmeSpec, CertificateRequest, ConditionStatus, GROUP, Issuer, Key, Meta, Object, Order, OrderSpec, OrderStatus,
    Owner, VERSION, condition, set_condition,
};
use crate::shrink;
use crate::x509::csr::{Csr, CsrError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

const APPROVED: &str = "Certificate request has been approved by cert-manager.io";
/// The time for which a request's waiting is not worth a write.
const PASSING: SignedDuration = SignedDuration::from_secs(10);

pub(super) fn plan(context: &Context<'_>, request: &Arc<CertificateRequest>, plan: &mut Plan) {
    if !request.spec.issuer_ref.is_ours() || request.metadata.deletion_timestamp.is_some() {
        return;
    }
    let is = |kind: &str| condition(&request.status.conditions, kind);
    let holds = |kind: &str| is(kind).is_some_and(|c| c.status == ConditionStatus::True);
    let done =
        is("Ready").is_some_and(|c| c.status == ConditionStatus::True || matches!(&*c.reason, "Failed" | "Denied"));
    if done {
        return;
    }
    if holds("Denied") {
        let message = "The CertificateRequest was denied by an approval controller";
        return plan.steps.extend(failed(request, "Denied", message.to_owned(), context.now));
    }
    let place = request.spec.issuer_ref.key(&request.metadata.namespace);
    let issuer = context.view.issuers.get(&place);
    if issuer.is_some_and(|issuer| issuer.spec.acme.is_none() && Local::of(issuer).is_none()) {
        return;
    }
    let Some(issuer) = issuer else {
        let reference = &request.spec.issuer_ref;
        let message = foreign::missing_issuer(context.view, reference, &request.metadata.namespace);
        let message = message.map(|missing| missing.to_string()).unwrap_or_default();
        return plan.steps.extend(pending(context, request, "IssuerNotFound", message));
    };
    if !condition(&issuer.status.conditions, "Ready").is_some_and(|c| c.status == ConditionStatus::True) {
        let message = "Referenced issuer does not have a Ready status condition".to_owned();
        return plan.steps.extend(pending(context, request, "IssuerNotReady", message));
    }
    match &issuer.spec.acme {
        Some(acme) => order(context, request, issuer, acme, plan),
        None => local::plan_request(context, request, issuer, plan),
    }
}

fn order(context: &Context<'_>, request: &Arc<CertificateRequest>, issuer: &Issuer, acme: &AcmeSpec, plan: &mut Plan) {
    let spec = match wanted(context, request, issuer, acme) {
        Ok(spec) => spec,
        Err(refusal) => return plan.steps.extend(failed(request, "InvalidOrder", refusal.to_string(), context.now)),
    };
    let urgency = urgency(context, request);
    // A request has one order: `replaces` may change meanwhile and must not cause a second one.
    let Some(order) = context.index.orders(request).first() else {
        if let Some(refusal) = budget::refusal(context.view, request) {
            return plan.steps.extend(pending(context, request, "BudgetExceeded", refusal));
        }
        let Some(account) = issuer::account(context.view, context.settings, issuer) else { return };
        let order = new(request, issuer, &account, spec);
        plan.line = Some(Line::Waiting(urgency));
        return plan.steps.push(Step::write(Write::Create(order.into())));
    };
    let state = order.status.state;
    let place = order.key();
    if state.is_failure() {
        let mut message = format!(
            "Failed to wait for order resource {:?} to become ready: order is in \"{state}\" state",
            order.metadata.name
        );
        message.push_str(": ");
        message.push_str(&order.status.reason);
        return plan.steps.extend(failed(request, "OrderFailed", message, context.now));
    }
    if shrink::is_dropped(order) {
        // Somebody had the request answered once more: its order is placed again.
        let (key, uid) = (order.key(), order.metadata.uid.clone());
        return plan.steps.push(Step::write(Write::Delete { kind: Kind::Order, key, uid }));
    }
    if !order.status.certificate.is_empty() {
        let mut changed = CertificateRequest::clone(request);
        changed.status.certificate.clone_from(&order.status.certificate);
        approve(&mut changed, context.now);
        let message = "Certificate fetched from issuer successfully";
        let conditions = &mut changed.status.conditions;
        set_condition(conditions, "Ready", ConditionStatus::True, "Issued", message, None, context.now);
        return plan.steps.push(Step::write(Write::Status(changed.into())));
    }
    plan.line = Some(Line::Begun(urgency));
    // A state that passes within seconds is not written.
    let created = request.metadata.creation_timestamp.filter(|created| *created <= context.now);
    let shown_from = created.and_then(|created| created.checked_add(PASSING).ok());
    if let Some(at) = shown_from.filter(|at| *at > context.now && order.status.reason.is_empty()) {
        return plan.wake_at(at);
    }
    let shown = if state == crate::objects::State::Unknown { "pending".to_owned() } else { state.to_string() };
    let mut message = format!("Waiting on certificate issuance from order {place}: \"{shown}\"");
    if !order.status.reason.is_empty() {
        message.push_str(": ");
        message.push_str(&order.status.reason);
    }
    plan.steps.extend(pending(context, request, "OrderPending", message));
}

fn new(request: &CertificateRequest, issuer: &Issuer, account: &Account, spec: OrderSpec) -> Order {
    let hash = names::fnv32(&serde_json::to_vec(&spec).unwrap_or_default());
    let mut metadata = names::inherited(&request.metadata);
    metadata.name = names::numbered(&request.metadata.name, hash);
    metadata.owner_references =
        vec![Owner::controller(&format!("{GROUP}/{VERSION}"), "CertificateRequest", &request.metadata)];
    metadata.annotations.insert(names::ACCOUNT.to_owned(), account.url.clone());
    if let Some(kind) = issuer.metadata.annotation(names::CHALLENGE_TYPE) {
        metadata.annotations.insert(names::CHALLENGE_TYPE.to_owned(), kind.to_owned());
    }
    Object { metadata, spec, status: OrderStatus::default() }
}

/// Returns how urgent the certificate is that a request is for.
fn urgency(context: &Context<'_>, request: &CertificateRequest) -> Urgency {
    let name = request.metadata.annotation(CERTIFICATE_NAME);
    let place = name.map(|name| Key::new(request.metadata.namespace.clone(), name));
    let certificate = place.and_then(|place| context.view.certificates.get(&place));
    certificate.map_or(Urgency::Missing, |certificate| issue::urgency(context, certificate))
}

/// Records that a request is approved, as cert-manager's own approver does for all.
pub(super) fn approve(changed: &mut CertificateRequest, now: Timestamp) {
    let conditions = &mut changed.status.conditions;
    if condition(conditions, "Approved").is_none_or(|approved| approved.status != ConditionStatus::True) {
        set_condition(conditions, "Approved", ConditionStatus::True, "cert-manager.io", APPROVED, None, now);
    }
}

/// True if a request waits for what is not its own fault.
pub(super) fn is_pending(request: &CertificateRequest) -> bool {
    condition(&request.status.conditions, "Ready").is_some_and(|ready| ready.reason == "Pending")
}

/// The reason why there can be no order for a request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OrderRefusal {
    /// It asks for a CA.
    #[error("ACME does not support CA certificates")]
    Authority,
    /// Its common name is none of its names.
    #[error(
        "The CSR PEM requests a commonName that is not present in the list of dnsNames or ipAddresses. If a \
         commonName is set, ACME requires that the value is also present in the list of dnsNames or ipAddresses: {:?} \
         does not exist in [{}] or [{}]",
        .0.common_name,
        .0.dns_names.join(" "),
        .0.ip_addresses.join(" ")
    )]
    CommonName(Arc<Csr>),
    /// It cannot be read.
    #[error("Failed to decode CSR in spec.request: {0}")]
    Malformed(#[from] CsrError),
    /// It names nothing.
    #[error("the request names nothing: dnsNames or ipAddresses must be set")]
    NoNames,
    /// It has more names than the profile allows.
    #[error("{count} names are more than the {most} of profile {profile:?}: split the Certificate")]
    TooManyNames {
        /// The number of its names.
        count: usize,
        /// The largest number.
        most: usize,
        /// The profile.
        profile: String,
    },
    /// It has names of other kinds.
    #[error("ACME does not support URI and e-mail names")]
    UriOrEmail,
    /// It has a wildcard.
    #[error(
        "{0} needs a DNS-01 solver; flow-proxy solves HTTP-01 only, and DNS-PERSIST-01 where the annotation \
         flow-proxy.ominis.ai/challenge-type of the issuer says so"
    )]
    Wildcard(String),
}

/// Returns why there can be no order for a request; `None` if there can be one.
#[must_use]
pub fn order_refusal(request: &CertificateRequest, issuer: &Issuer) -> Option<OrderRefusal> {
    let acme = issuer.spec.acme.as_ref()?;
    orderable(request, &issuer.metadata, acme).err()
}

fn orderable(request: &CertificateRequest, issuer: &Meta, acme: &AcmeSpec) -> Result<Arc<Csr>, OrderRefusal> {
    let csr = request.spec.csr()?;
    if request.spec.is_ca {
        return Err(OrderRefusal::Authority);
    }
    let takes_emails = request.metadata.annotation(names::EMAIL_NAMES) == Some("true");
    if !csr.uris.is_empty() || !(csr.emails.is_empty() || takes_emails) {
        return Err(OrderRefusal::UriOrEmail);
    }
    let in_names = csr.dns_names.contains(&csr.common_name) || csr.ip_addresses.contains(&csr.common_name);
    if !csr.common_name.is_empty() && !in_names {
        return Err(OrderRefusal::CommonName(csr));
    }
    let by_record = Method::of_annotations(issuer) == Method::DnsPersist01;
    if !by_record && let Some(wildcard) = csr.dns_names.iter().find(|name| name.starts_with("*.")) {
        return Err(OrderRefusal::Wildcard(wildcard.clone()));
    }
    let most = if matches!(&*acme.profile, "tlsserver" | "shortlived") { 25 } else { 100 };
    let count = csr.dns_names.len() + csr.ip_addresses.len();
    if count == 0 {
        return Err(OrderRefusal::NoNames);
    }
    if count > most {
        let profile = if acme.profile.is_empty() { "default".to_owned() } else { acme.profile.clone() };
        return Err(OrderRefusal::TooManyNames { count, most, profile });
    }
    Ok(csr)
}

/// Returns the order for a request, or the reason for which there can be none.
fn wanted(
    context: &Context<'_>,
    request: &CertificateRequest,
    issuer: &Issuer,
    acme: &AcmeSpec,
) -> Result<OrderSpec, OrderRefusal> {
    let csr = orderable(request, &issuer.metadata, acme)?;
    Ok(OrderSpec {
        request: request.spec.request.clone(),
        issuer_ref: request.spec.issuer_ref.clone(),
        common_name: csr.common_name.clone(),
        duration: request.spec.duration.filter(|_| acme.enable_duration_feature),
        profile: acme.profile.clone(),
        replaces: replaced(context, request, &csr).unwrap_or_default(),
        dns_names: csr.dns_names.clone(),
        ip_addresses: csr.ip_addresses.clone(),
    })
}

/// The id of the certificate being renewed: an order that names it is exempt from the CA's rate limits (RFC 9773 §5).
fn replaced(context: &Context<'_>, request: &CertificateRequest, csr: &Csr) -> Option<String> {
    if !context.settings.renewal_information {
        return None;
    }
    let certificate = Key::new(request.metadata.namespace.clone(), request.metadata.annotation(CERTIFICATE_NAME)?);
    let certificate = context.view.certificates.get(&certificate)?;
    let place = Key::new(certificate.metadata.namespace.clone(), certificate.spec.secret_name.clone());
    let secret = context.view.secrets.get(&place)?;
    let issued_here = secret.metadata.annotation(names::ISSUER_NAME) == Some(&*request.spec.issuer_ref.name);
    let leaf = secret.leaf().ok()?;
    let shares = leaf.dns_names.iter().any(|n| csr.dns_names.contains(n))
        || leaf
            .ip_addresses
            .iter()
            .filter_map(|ip| ip.parse::<IpAddr>().ok())
            .any(|ip| csr.ip_addresses.iter().any(|other| other.parse() == Ok(ip)));
    if issued_here && shares && leaf.not_after > context.now { leaf.ari_id.clone() } else { None }
}

/// Says why a request is not signed yet.
pub(super) fn pending(
    context: &Context<'_>,
    request: &Arc<CertificateRequest>,
    event: &'static str,
    message: String,
) -> Option<Step> {
    let mut changed = CertificateRequest::clone(request);
    approve(&mut changed, context.now);
    let conditions = &mut changed.status.conditions;
    set_condition(conditions, "Ready", ConditionStatus::False, "Pending", &*message, None, context.now);
    let event = Event::normal(Kind::CertificateRequest, &request.metadata, event, message);
    (changed.status != request.status).then(|| Step::write(Write::Status(changed.into())).with(event))
}

/// Ends a request.
pub(super) fn failed(
    request: &CertificateRequest,
    event: &'static str,
    message: String,
    now: Timestamp,
) -> Option<Step> {
    let mut changed = request.clone();
    let reason = if event == "Denied" { "Denied" } else { "Failed" };
    if reason == "Failed" {
        approve(&mut changed, now);
    }
    let conditions = &mut changed.status.conditions;
    set_condition(conditions, "Ready", ConditionStatus::False, reason, &*message, None, now);
    changed.status.failure_time = Some(now);
    let event = Event::warning(Kind::CertificateRequest, &request.metadata, event, message);
    Some(Step::write(Write::Status(changed.into())).with(event))
}

/// Returns the chain of a signed request.
pub(super) fn chain(request: &CertificateRequest) -> Option<Vec<u8>> {
    STANDARD.decode(request.status.certificate.trim()).ok().filter(|pem| !pem.is_empty())
}

/// Returns the CA's topmost certificate; empty if it is not known.
pub(super) fn topmost(request: &CertificateRequest) -> Vec<u8> {
    STANDARD.decode(request.status.ca.trim()).unwrap_or_default()
}
