//! The state of certificates as text.

use super::advice::advice;
use super::cause::{Cause, is_true};
use flow_acme::objects::{
    Certificate, CertificateRequest, Challenge, Condition, ConditionStatus, Key, Meta, Order, State, condition,
};
use flow_acme::planner::{self, View, missing_issuer, unserved};
use jiff::{SignedDuration, Timestamp, Unit};
use std::fmt::Write as _;
use std::sync::Arc;

pub(super) fn is_ready(certificate: &Certificate) -> bool {
    is_true(&certificate.status.conditions, "Ready")
}

/// Every Certificate of a namespace, a line each.
pub(super) fn list(view: &View, namespace: &str) -> String {
    if view.certificates.is_empty() {
        return format!("no Certificates in namespace {namespace}\n");
    }
    let width = view.certificates.keys().map(|key| key.name.len()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}  READY  UNTIL                 WHAT\n", "NAME");
    for (key, certificate) in view.certificates.sorted() {
        let until = certificate.status.not_after.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let ready = if is_ready(certificate) { "yes" } else { "no" };
        let what = reasons(view, certificate).pop().map(|reason| reason.text).unwrap_or_default();
        let _ = writeln!(text, "{:width$}  {ready:5}  {until:20}  {what}", key.name);
    }
    text
}

/// One Certificate with its Secret, issuer, request, orders and challenges.
pub(super) fn one(view: &View, certificate: &Certificate, now: Timestamp) -> String {
    let spec = &certificate.spec;
    let status = &certificate.status;
    let namespace = &certificate.metadata.namespace;
    let mut text = format!("Certificate {}: {}\n", certificate.key(), said(&status.conditions, "Ready"));
    if condition(&status.conditions, "Issuing").is_some() {
        row(&mut text, "issuing", &said(&status.conditions, "Issuing"));
    }
    let names: Vec<&str> = spec.dns_names.iter().chain(&spec.ip_addresses).map(String::as_str).collect();
    row(&mut text, "names", &names.join(", "));
    let secret = view.secrets.get(&Key::new(namespace.clone(), spec.secret_name.clone()));
    let held = match secret.map(|secret| secret.leaf()) {
        None => "not there".to_owned(),
        Some(Err(error)) => format!("no certificate in it: {error}"),
        Some(Ok(leaf)) => {
            let names: Vec<&str> = leaf.dns_names.iter().chain(&leaf.ip_addresses).map(String::as_str).collect();
            format!("{}, until {} ({})", names.join(", "), leaf.not_after, distance(leaf.not_after, now))
        }
    };
    row(&mut text, "secret", &format!("{}: {held}", spec.secret_name));
    if let Some(at) = status.renewal_time {
        row(&mut text, "renewal", &format!("{at} ({})", distance(at, now)));
    }
    if let Some(times) = status.failed_issuance_attempts.filter(|times| *times > 0) {
        let last = status.last_failure_time.map(|at| format!(", last {} ({})", at, distance(at, now)));
        row(&mut text, "failed", &format!("{times} times{}", last.unwrap_or_default()));
    }
    if let Some(why) = planner::held(certificate) {
        row(&mut text, "waits", why);
    }
    if let Some(why) = planner::incomplete(certificate) {
        row(&mut text, "incomplete", why);
    }
    let reference = &spec.issuer_ref;
    let issuer = match (unserved(view, certificate), view.issuers.get(&reference.key(namespace))) {
        (Some(why), _) => format!("not served: {why}"),
        (None, None) => "not there".to_owned(),
        (None, Some(issuer)) => said(&issuer.status.conditions, "Ready"),
    };
    row(&mut text, "issuer", &format!("{} {}: {issuer}", reference.kind(), reference.name));
    if let Some(why) = limit(view, certificate) {
        row(&mut text, "waits", why);
    } else if is_in_line(view, certificate) {
        row(&mut text, "waits", "for its turn: orders that have begun are finished first");
    }
    if let Some(request) = latest(view, certificate) {
        let _ = writeln!(
            text,
            "CertificateRequest {}: {}",
            request.metadata.name,
            said(&request.status.conditions, "Ready")
        );
        for order in orders(view, request) {
            let _ =
                writeln!(text, "Order {}: {}", order.metadata.name, state(order.status.state, &order.status.reason));
            for challenge in challenges(view, order) {
                let (spec, status) = (&challenge.spec, &challenge.status);
                let _ = writeln!(text, "Challenge {}: {}", spec.dns_name, state(status.state, &status.reason));
            }
        }
    }
    if !is_ready(certificate)
        || planner::held(certificate).is_some()
        || condition(&status.conditions, "Issuing").is_some()
    {
        // The deepest cause decides.
        let help = reasons(view, certificate).iter().rev().find_map(|reason| advice(reason.cause?));
        let _ = writeln!(
            text,
            "What to do: {}",
            help.unwrap_or("wait a moment; if nothing moves, see the log of the proxy that leads (kubectl get lease)")
        );
    }
    text
}

/// A reason why a Certificate is not ready.
struct Reason<'a> {
    text: String,
    cause: Option<Cause<'a>>,
}

impl<'a> Reason<'a> {
    fn new(text: impl Into<String>, cause: Option<Cause<'a>>) -> Self {
        Self { text: text.into(), cause }
    }

    fn of(condition: &Condition, cause: Option<Cause<'a>>) -> Self {
        Self::new(format!("{}: {}", condition.reason, condition.message), cause)
    }
}

/// The reasons why a Certificate is not ready, from the Certificate down to its challenges.
fn reasons<'a>(view: &'a View, certificate: &'a Certificate) -> Vec<Reason<'a>> {
    let mut reasons = Vec::new();
    let conditions = &certificate.status.conditions;
    let (reference, namespace) = (&certificate.spec.issuer_ref, &certificate.metadata.namespace);
    let missing = missing_issuer(view, reference, namespace).map(|missing| Cause::of_missing(&missing));
    let failed = ["Ready", "Issuing"].into_iter().filter_map(|kind| unmet(conditions, kind));
    reasons.extend(failed.map(|found| Reason::of(found, Cause::of_certificate(found).or(missing))));
    reasons.extend(planner::held(certificate).map(|why| Reason::new(why, Some(Cause::Held))));
    if let Some(why) = unserved(view, certificate) {
        // Nothing below it is worked on.
        reasons.push(Reason::new(why.to_string(), Some(Cause::of_unserved(&why))));
        return reasons;
    }
    let issuer = view.issuers.get(&reference.key(namespace));
    let unready = issuer.and_then(|issuer| unmet(&issuer.status.conditions, "Ready"));
    reasons.extend(unready.map(|found| Reason::of(found, Some(Cause::of_issuer(found)))));
    reasons.extend(limit(view, certificate).map(|why| Reason::new(why, Some(Cause::Acme("rateLimited")))));
    if let Some(request) = latest(view, certificate) {
        let found = unmet(&request.status.conditions, "Ready");
        reasons.extend(found.map(|c| Reason::of(c, issuer.map_or(missing, |i| Cause::of_request(request, i)))));
        for order in orders(view, request) {
            if !order.status.reason.is_empty() {
                reasons.push(Reason::new(&order.status.reason, Cause::of_order(order)));
            }
            let open = challenges(view, order).into_iter().filter(|c| c.status.state != State::Valid);
            let open = open.filter(|challenge| !challenge.status.reason.is_empty());
            reasons.extend(open.map(|c| Reason::new(&c.status.reason, Cause::of_challenge(c))));
        }
    }
    reasons
}

/// The limit of the CA for which a Certificate's orders wait, and the time of the next try.
fn limit<'a>(view: &'a View, certificate: &Certificate) -> Option<&'a str> {
    let issuer = view.issuers.get(&certificate.spec.issuer_ref.key(&certificate.metadata.namespace))?;
    planner::orders_held(issuer).filter(|_| is_true(&certificate.status.conditions, "Issuing"))
}

/// True if a Certificate is being issued and waits for its turn to be ordered.
fn is_in_line(view: &View, certificate: &Certificate) -> bool {
    let open = latest(view, certificate).is_some_and(|request| !is_true(&request.status.conditions, "Ready"));
    is_true(&certificate.status.conditions, "Issuing") && !open && unserved(view, certificate).is_none()
}

/// The condition of that kind, if there is one and it does not hold.
fn unmet<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    condition(conditions, kind).filter(|c| c.status != ConditionStatus::True)
}

/// The newest request of a Certificate.
fn latest<'a>(view: &'a View, certificate: &Certificate) -> Option<&'a Arc<CertificateRequest>> {
    let own = view.requests.values().filter(|request| owned(&request.metadata, &certificate.metadata));
    own.max_by_key(|request| request.metadata.creation_timestamp)
}

fn orders<'a>(view: &'a View, request: &CertificateRequest) -> Vec<&'a Arc<Order>> {
    let orders = view.orders.sorted().into_iter().map(|(_, order)| order);
    orders.filter(|order| owned(&order.metadata, &request.metadata)).collect()
}

fn challenges<'a>(view: &'a View, order: &Order) -> Vec<&'a Arc<Challenge>> {
    let challenges = view.challenges.sorted().into_iter().map(|(_, challenge)| challenge);
    challenges.filter(|challenge| owned(&challenge.metadata, &order.metadata)).collect()
}

fn owned(object: &Meta, by: &Meta) -> bool {
    object.controller().is_some_and(|owner| owner.uid == by.uid)
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:8} {value}");
}

fn said(conditions: &[Condition], kind: &str) -> String {
    let Some(found) = condition(conditions, kind) else { return "nobody has looked at it yet".to_owned() };
    match (kind, found.status) {
        ("Ready", ConditionStatus::True) => "ready".to_owned(),
        ("Ready", _) => format!("not ready ({}): {}", found.reason, found.message),
        (_, ConditionStatus::False) => format!("failed ({}): {}", found.reason, found.message),
        _ => format!("{}: {}", found.reason, found.message),
    }
}

fn state(state: State, reason: &str) -> String {
    let state = if state == State::Unknown { "not begun".to_owned() } else { state.to_string() };
    if reason.is_empty() { state } else { format!("{state}: {reason}") }
}

/// A distance in time, such as `in 3 days` or `2 min ago`.
fn distance(at: Timestamp, now: Timestamp) -> String {
    let between = at.duration_since(now);
    let rounded = SignedDuration::from_secs(between.abs().as_secs());
    let unit = if rounded.as_hours() >= 48 { Unit::Hour } else { Unit::Minute };
    let rounded = rounded.round(unit).unwrap_or(rounded);
    let (hours, minutes) = (rounded.as_hours(), rounded.as_mins() % 60);
    let text = match hours {
        48.. => format!("{} days", hours / 24),
        1.. => format!("{hours} h {minutes} min"),
        _ => format!("{minutes} min"),
    };
    if between.is_negative() { format!("{text} ago") } else { format!("in {text}") }
}
