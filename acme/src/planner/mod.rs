//! Decisions: from a view and the time to the writes and the calls to the CA. Pure.
//!
//! Everything is level-triggered: a plan depends on the view alone, never on earlier plans, so that another leader can
//! continue at any point. Names of new objects are derived from their content, so that a repeated step writes the same
//! object.

mod action;
mod certificate;
mod challenge;
mod claims;
mod context;
mod index;
mod ingress;
mod issuer;
mod order;
mod plan_cache;
mod request;
mod solver;
mod trouble;

#[cfg(test)]
mod tests;

pub use crate::view::{IngressFacts, IngressTls, Settings, View};
pub use action::{Call, Event, EventType, Kind, Object, Plan, Step, Write};
pub use certificate::brake::held;
pub use certificate::foreign::{MissingIssuer, Unserved, missing_issuer, unserved};
pub use certificate::key::{KeyToMake, key_impossible, key_made, key_to_make};
pub use certificate::renew;
pub use certificate::renewal::{ari_target, received as renewal_info_received};
pub use challenge::{Progress, accepted, checked, probed};
pub use issuer::{REGISTER_FAILED, Registering, UPDATE_FAILED, account_created, registered, registering};
pub use order::{downloaded, finalized, found as authorizations_found, opened, opening, refreshed};
pub use plan_cache::PlanCache;
pub use request::{OrderRefusal, order_refusal};
pub use trouble::{Trouble, troubles};

use context::Context;
use index::Index;
use jiff::Timestamp;

/// Returns what is to be done. `now` should be in whole seconds, as Kubernetes writes times.
#[must_use]
pub fn plan(view: &View, settings: &Settings, now: Timestamp) -> Plan {
    plan_with_cache(view, settings, now, &mut PlanCache::default())
}

/// Like [`plan`], but skips work that `cache` remembers from the plan before.
#[must_use]
pub fn plan_with_cache(view: &View, settings: &Settings, now: Timestamp, cache: &mut PlanCache) -> Plan {
    let context = Context { view, settings, index: Index::of(view), now };
    let mut plan = Plan::default();
    for issuer in view.issuers.values() {
        issuer::plan(&context, issuer, &mut plan);
    }
    for ingress in view.ingresses.values() {
        ingress::plan(&context, ingress, &mut plan);
    }
    for certificate in view.certificates.values() {
        certificate::plan(&context, certificate, cache, &mut plan);
    }
    cache.keep_only(view.certificates.len(), |key| view.certificates.contains_key(key));
    for request in view.requests.values() {
        request::plan(&context, request, &mut plan);
    }
    for order in view.orders.values() {
        order::plan(&context, order, &mut plan);
    }
    challenge::plan(&context, &mut plan);
    // Thousands of questions about later renewals must not delay a certificate that is needed now.
    plan.calls.sort_by_key(|call| matches!(call, Call::RenewalInfo { .. }));
    plan
}
