//! The limits of a CA that an account has reached: kept on the issuer, so that the next leader waits as well.

use super::action::{Event, Kind, Plan, Step, Write};
use super::context::Context;
use crate::ca::CaError;
use crate::objects::{Condition, ConditionStatus, Issuer, Order, condition, put_condition};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;

/// Condition of an issuer: its account can place no orders for now.
const HELD: &str = "OrdersHeld";
/// Reason of [`HELD`].
const REASON: &str = "RateLimited";
/// The words before the time of the next attempt, at the end of the message.
pub(super) const NEXT_TRY: &str = "; next try at ";
/// The time to wait if the CA names none.
const DEFAULT_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// The longest time for which the CA's word is taken.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Returns what an issuer whose account has reached a limit is held for: the CA's words, and the time of the next try.
#[must_use]
pub fn orders_held(issuer: &Issuer) -> Option<&str> {
    let held = condition(&issuer.status.conditions, HELD)?;
    (held.status == ConditionStatus::True).then_some(&*held.message)
}

/// Returns the time until which an issuer's account can place no orders; `None` if it can.
#[must_use]
pub fn held_until(issuer: &Issuer) -> Option<Timestamp> {
    orders_held(issuer)?.rsplit_once(NEXT_TRY)?.1.parse().ok()
}

/// True if an order must wait for its issuer's account.
pub(super) fn holds(context: &Context<'_>, order: &Order, plan: &mut Plan) -> bool {
    let issuer = context.view.issuers.get(&order.spec.issuer_ref.key(&order.metadata.namespace));
    let Some(until) = issuer.and_then(|issuer| held_until(issuer)).filter(|until| *until > context.now) else {
        return false;
    };
    plan.wake_at(until);
    true
}

/// Lifts the limit when its time is over.
pub(super) fn plan(context: &Context<'_>, issuer: &Arc<Issuer>, plan: &mut Plan) {
    if orders_held(issuer).is_none() {
        return;
    }
    match held_until(issuer) {
        Some(until) if until > context.now => plan.wake_at(until),
        _ => {
            let mut changed = Issuer::clone(issuer);
            changed.status.conditions.retain(|condition| condition.kind != HELD);
            plan.steps.push(Step::write(Write::Status(changed.into())));
        }
    }
}

/// True if a CA's refusal of an order is about its account, not about one of the order's names: limits of a name name
/// it, or the domain above it.
#[must_use]
pub fn is_of_account(order: &Order, error: &CaError) -> bool {
    let limited = error.is("rateLimited") || matches!(error, CaError::Http { status: 429, .. });
    let text = error.to_string();
    let words: HashSet<&str> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .map(|word| word.trim_matches('.'))
        .collect();
    let named = |name: &String| {
        let mut rest = Some(name.as_str());
        while let Some(domain) = rest.filter(|domain| domain.contains('.')) {
            if words.contains(domain) {
                return true;
            }
            rest = domain.split_once('.').map(|(_, parent)| parent);
        }
        false
    };
    limited && !order.spec.dns_names.iter().chain(&order.spec.ip_addresses).any(named)
}

/// Returns the time after a wait. `now` lacks a part of a second, which is waited for too.
pub(super) fn next_try(now: Timestamp, wait: SignedDuration) -> Timestamp {
    let wait = wait.min(LONGEST_WAIT).saturating_add(SignedDuration::from_secs(1));
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Records on an issuer that its account has reached a limit.
#[must_use]
pub fn hold(issuer: &Issuer, error: &CaError, now: Timestamp) -> Step {
    let wait = error.retry_after().and_then(|after| SignedDuration::try_from(after).ok()).unwrap_or(DEFAULT_WAIT);
    let until = next_try(now, wait);
    let message = format!("The CA takes no more orders of this account for now: {error}{NEXT_TRY}{until}");
    let mut changed = issuer.clone();
    let wanted = Condition {
        kind: HELD.to_owned(),
        status: ConditionStatus::True,
        last_transition_time: Some(now),
        reason: REASON.to_owned(),
        message: message.clone(),
        observed_generation: Some(issuer.metadata.generation),
    };
    put_condition(&mut changed.status.conditions, wanted);
    Step::write(Write::Status(changed.into())).with(Event::warning(Kind::Issuer, &issuer.metadata, REASON, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::Problem;

    #[test]
    fn limits_of_names_are_not_those_of_the_account() {
        let mut order = Order::default();
        order.spec.dns_names = vec!["www.shop.example".to_owned()];
        let limited = |detail: &str| {
            let kind = "urn:ietf:params:acme:error:rateLimited".to_owned();
            CaError::Refused(Problem { status: 429, kind, detail: detail.to_owned(), ..Problem::default() })
        };
        for (detail, of_account) in [
            ("too many new orders (300) from this account in the last 3h0m0s, retry after 2026-01-01", true),
            ("too many certificates (50) already issued for \"shop.example\" in the last 168h0m0s", false),
            ("too many failed authorizations (5) for \"www.shop.example\" in the last 1h0m0s", false),
            ("slow down", true),
        ] {
            assert_eq!(is_of_account(&order, &limited(detail)), of_account, "{detail}");
        }
        assert!(!is_of_account(&order, &CaError::Unreachable("refused".to_owned())));
        let text = String::new();
        assert!(is_of_account(&order, &CaError::Http { status: 429, text, retry_after: None }));
    }

    #[test]
    fn an_issuer_says_when_it_tries_again() {
        let now: Timestamp = "2026-11-30T10:00:00Z".parse().expect("a time");
        let error =
            CaError::Http { status: 429, text: "no".to_owned(), retry_after: Some(std::time::Duration::from_secs(90)) };
        let step = hold(&Issuer::default(), &error, now);
        let Some(Write::Status(crate::planner::Object::Issuer(issuer))) = step.writes.first() else {
            panic!("{step:?}")
        };
        assert_eq!(held_until(issuer).map(|at| at.to_string()).as_deref(), Some("2026-11-30T10:01:31Z"));
        assert_eq!(held_until(&Issuer::default()), None);
    }
}
