//! The causes of a certificate's not being ready, from the state of its objects.

use flow_acme::ca::problem_in;
use flow_acme::http01::{NO_REPLICA, OF_REPLICA};
use flow_acme::objects::{CertificateRequest, Challenge, Condition, ConditionStatus, Issuer, Order, State, condition};
use flow_acme::planner::{MissingIssuer, OrderRefusal, REGISTER_FAILED, UPDATE_FAILED, Unserved, order_refusal};

/// The words before the name of a record that is to be created.
const RECORD: &str = "create the TXT record ";

/// A cause for which there is advice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause<'a> {
    /// The CA does not take the account's data.
    Account,
    /// The CA refuses with this ACME error.
    Acme(&'a str),
    /// Another Certificate fills the Secret.
    Conflict,
    /// The solver names an Ingress class of another controller.
    ForeignClass,
    /// The last order is too recent.
    Held,
    /// The issuer is not ready.
    Issuer,
    /// The issuer does not exist.
    NoIssuer,
    /// No replica is ready to answer.
    NoReplica,
    /// Another kind of issuer is meant.
    OtherIssuer,
    /// A TXT record is to be created.
    Record,
    /// The reference to the issuer is misspelt.
    Reference,
    /// A replica does not answer the token.
    Replica,
    /// The request has too many names.
    TooManyNames,
    /// The CA does not answer, or cannot now.
    Unreachable,
    /// The request has a wildcard.
    Wildcard,
    /// A window of renewals is broken.
    Window,
}

impl<'a> Cause<'a> {
    /// The cause in a text that holds a refusal of the CA.
    fn of_text(text: &'a str) -> Option<Self> {
        problem_in(text).map(|(status, kind)| match status {
            503 if kind != "rateLimited" => Self::Unreachable,
            _ => Self::Acme(kind),
        })
    }

    /// The cause in a Certificate's condition that does not hold.
    pub(super) fn of_certificate(condition: &'a Condition) -> Option<Self> {
        match condition.reason.as_str() {
            "IncorrectCertificate" => Some(Self::Conflict),
            "WindowError" => Some(Self::Window),
            _ => Self::of_text(&condition.message),
        }
    }

    /// The cause in a reference to an issuer that does not exist.
    pub(super) const fn of_missing(missing: &MissingIssuer) -> Self {
        if missing.other_kind.is_some() { Self::Reference } else { Self::NoIssuer }
    }

    /// The cause in the reason why an issuer is not served.
    pub(super) const fn of_unserved(why: &Unserved) -> Self {
        match why {
            Unserved::OtherType { .. } | Unserved::OtherSigner(_) => Self::OtherIssuer,
            Unserved::MisspeltGroup(_) | Unserved::MisspeltKind(..) | Unserved::UnknownKind(_) => Self::Reference,
        }
    }

    /// The cause in an issuer's condition `Ready`, which does not hold.
    pub(super) fn of_issuer(condition: &'a Condition) -> Self {
        match condition.reason.as_str() {
            REGISTER_FAILED | UPDATE_FAILED => Self::Account,
            _ => Self::of_text(&condition.message).unwrap_or(Self::Issuer),
        }
    }

    /// The cause in a request that is not ready.
    pub(super) fn of_request(request: &'a CertificateRequest, issuer: &Issuer) -> Option<Self> {
        match order_refusal(request, issuer) {
            Some(OrderRefusal::Wildcard(_)) => return Some(Self::Wildcard),
            Some(OrderRefusal::TooManyNames { .. }) => return Some(Self::TooManyNames),
            _ => {}
        }
        let ready = condition(&request.status.conditions, "Ready")?;
        if ready.reason == "Pending" && !is_true(&issuer.status.conditions, "Ready") {
            return Some(Self::Issuer);
        }
        Self::of_text(&ready.message)
    }

    /// The cause in an order with a reason.
    pub(super) fn of_order(order: &'a Order) -> Option<Self> {
        // A mistake is shown with a problem or ends the order: anything else passes with time.
        let passes = (!order.status.state.is_failure()).then_some(Self::Unreachable);
        Self::of_text(&order.status.reason).or(passes)
    }

    /// The cause in a challenge with a reason.
    pub(super) fn of_challenge(challenge: &'a Challenge) -> Option<Self> {
        let status = &challenge.status;
        match status.reason.as_str() {
            reason if reason.ends_with(NO_REPLICA) => Some(Self::NoReplica),
            reason if reason.contains(RECORD) => Some(Self::Record),
            reason if reason.contains(OF_REPLICA) => Some(Self::Replica),
            reason => Self::of_text(reason).or_else(|| match status.state {
                _ if status.presented && !status.state.is_final() => Some(Self::Unreachable),
                State::Unknown if !status.processing => Some(Self::ForeignClass),
                _ => None,
            }),
        }
    }
}

/// True if there is a condition of that kind and it holds.
pub(super) fn is_true(conditions: &[Condition], kind: &str) -> bool {
    condition(conditions, kind).is_some_and(|c| c.status == ConditionStatus::True)
}
