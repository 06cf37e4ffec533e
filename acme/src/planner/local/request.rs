//! CertificateRequests that a local issuer signs.

use super::Local;
use super::issuer::authority;
use crate::names::PRIVATE_KEY_SECRET;
use crate::objects::{CertificateRequest, ConditionStatus, Issuer, Key, set_condition};
use crate::planner::action::{Call, Event, Kind, Plan, Step, Write};
use crate::planner::context::Context;
use crate::planner::request::{approve, failed, pending};
use crate::view::{Settings, View};
use crate::x509::authority::Authority;
use crate::x509::csr::Csr;
use crate::x509::key::PrivateKey;
use crate::x509::sign::{self, SignError, Signed, Terms};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// The time after which a Secret that is missing is looked for again.
const AGAIN: SignedDuration = SignedDuration::from_secs(10);
const NO_SUBJECT: &str = "Certificate will be issued with an empty Issuer DN, which contravenes RFC 5280 and could break \
                          some strict clients";

/// A request with everything that its signature needs.
#[derive(Debug)]
pub struct Signing {
    csr: Arc<Csr>,
    terms: Terms,
    by: By,
}

#[derive(Debug)]
enum By {
    Authority(Arc<Authority>),
    Itself(Arc<PrivateKey>),
}

impl Signing {
    /// Signs the request. `serial` is random.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, serial: [u8; 16], now: Timestamp) -> Result<Signed, SignError> {
        match &self.by {
            By::Authority(authority) => sign::by_authority(&self.csr, &self.terms, authority, serial, now),
            By::Itself(key) => sign::by_itself(&self.csr, &self.terms, key, serial, now),
        }
    }
}

/// The reason for which a request is not signed: cert-manager's reason of the event, and its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It may be signed later.
    Later(&'static str, String),
    /// It never will be.
    Never(&'static str, String),
}

/// Returns what is needed to sign a request of a local issuer.
///
/// # Errors
/// [`Refusal`].
pub fn signing(
    view: &View,
    settings: &Settings,
    request: &CertificateRequest,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Signing, Refusal> {
    let spec = &request.spec;
    let csr = spec
        .csr()
        .map_err(|error| Refusal::Never("SigningError", format!("Error generating certificate template: {error}")))?;
    let duration = spec.duration.map(|duration| SignedDuration::try_from(duration.0).unwrap_or(SignedDuration::MAX));
    let mut terms = Terms { duration, usages: spec.usages.clone(), is_ca: spec.is_ca, ..Terms::default() };
    let by = match Local::of(issuer) {
        Some(Local::Ca(ca)) => {
            terms.crl_distribution_points.clone_from(&ca.crl_distribution_points);
            terms.ocsp_servers.clone_from(&ca.ocsp_servers);
            terms.issuing_certificate_urls.clone_from(&ca.issuing_certificate_urls);
            let found = authority(view, settings, issuer, ca, now);
            By::Authority(found.map_err(|error| {
                let place = Key::new(settings.issuer_namespace(&issuer.key()), ca.secret_name.clone());
                let message = format!("Failed to parse signing CA keypair from secret {place}: {error}");
                Refusal::Later("SecretInvalidData", message)
            })?)
        }
        Some(Local::SelfSigned(own)) => {
            terms.crl_distribution_points.clone_from(&own.crl_distribution_points);
            By::Itself(own_key(view, request, &csr)?)
        }
        None => return Err(Refusal::Later("IssuerNotFound", "the issuer does not sign here".to_owned())),
    };
    Ok(Signing { csr, terms, by })
}

/// Returns the key in the Secret that the request names: it must be the one that the request is for.
fn own_key(view: &View, request: &CertificateRequest, csr: &Csr) -> Result<Arc<PrivateKey>, Refusal> {
    let name = request.metadata.annotation(PRIVATE_KEY_SECRET).filter(|name| !name.is_empty()).ok_or_else(|| {
        let message = format!("Annotation {PRIVATE_KEY_SECRET:?} missing or reference empty: secret name missing");
        Refusal::Never("MissingAnnotation", message)
    })?;
    let place = Key::new(request.metadata.namespace.clone(), name);
    let secret = view.secrets.get(&place).ok_or_else(|| {
        let message = format!("Referenced secret {place} not found: secret {name:?} not found");
        Refusal::Later("MissingSecret", message)
    })?;
    let key = secret.private_key().map_err(|error| {
        let message = format!("Failed to get key {name:?} referenced in annotation {PRIVATE_KEY_SECRET:?}: {error}");
        Refusal::Later("ErrorParsingKey", message)
    })?;
    if key.public_key() != csr.public_key {
        let message = "Error generating certificate template: CSR not signed by referenced private key";
        return Err(Refusal::Never("ErrorKeyMatch", message.to_owned()));
    }
    Ok(key)
}

/// Plans the signature of an approved request whose issuer is ready.
pub(in crate::planner) fn plan(
    context: &Context<'_>,
    request: &Arc<CertificateRequest>,
    issuer: &Issuer,
    plan: &mut Plan,
) {
    match signing(context.view, context.settings, request, issuer, context.now) {
        Ok(_) => plan.calls.push(Call::Sign { request: request.key() }),
        Err(Refusal::Later(event, message)) => {
            // A Secret that somebody else's request names is looked for again.
            plan.wake_at(context.now.checked_add(AGAIN).unwrap_or(Timestamp::MAX));
            plan.steps.extend(pending(context, request, event, message));
        }
        Err(Refusal::Never(event, message)) => plan.steps.extend(failed(request, event, message, context.now)),
    }
}

/// Returns what follows from a signature.
#[must_use]
pub fn signed(request: &CertificateRequest, result: Result<&Signed, &SignError>, now: Timestamp) -> Option<Step> {
    let signed = match result {
        Ok(signed) => signed,
        Err(error) => return failed(request, "SigningError", format!("Error signing certificate: {error}"), now),
    };
    let mut changed = request.clone();
    changed.status.certificate = STANDARD.encode(&signed.chain);
    changed.status.ca = STANDARD.encode(&signed.ca);
    approve(&mut changed, now);
    let message = "Certificate fetched from issuer successfully";
    let conditions = &mut changed.status.conditions;
    set_condition(conditions, "Ready", ConditionStatus::True, "Issued", message, None, now);
    let mut step = Step::write(Write::Status(changed.into()));
    let nameless = request.spec.csr().is_ok_and(|csr| csr.has_no_subject());
    if nameless && signed.chain == signed.ca {
        step = step.with(Event::warning(Kind::CertificateRequest, &request.metadata, "BadConfig", NO_SUBJECT));
    }
    Some(step.with(Event::normal(Kind::CertificateRequest, &request.metadata, "CertificateIssued", message)))
}
