//! Decisions: from a view and the time to the writes and the calls to the CA. Pure.
//!
//! Everything is level-triggered: a plan depends on the view alone, never on earlier plans, so that another leader can
//! continue at any point. Names of new objects are derived from their content, so that a repeated step writes the same
//! object.

mod action;
mod budget;
mod certificate;
mod challenge;
mod context;
mod dependents;
mod incremental;
mod index;
mod ingress;
mod issuer;
mod issuer_options;
mod limit;
mod local;
mod order;
mod request;
mod solver;
mod trouble;

#[cfg(test)]
mod tests;

pub use crate::view::{IngressFacts, IngressTls, NamespaceFacts, Objects, Settings, View};
pub use action::{Call, Event, EventType, Kind, Line, Object, Plan, Step, Target, Urgency, Write};
pub use budget::limits;
pub use certificate::brake::held;
pub use certificate::foreign::{MissingIssuer, Unserved, missing_issuer, unserved};
pub use certificate::key::{KeyToMake, key_impossible, key_made, key_to_make, next_key_place};
pub use certificate::renew;
pub use certificate::renewal::{ari_target, received as renewal_info_received};
pub use certificate::status::incomplete;
pub use challenge::{Progress, Proof, proved, without_replicas, won};
pub use incremental::Planner;
pub use issuer::{REGISTER_FAILED, Registering, UPDATE_FAILED, account_created, registered, registering};
pub use limit::{held_until, hold, is_of_account, orders_held};
pub use local::{Refusal, Signing, signed, signing};
pub use order::{Completion, completed, opened, opening};
pub use request::{OrderRefusal, order_refusal};
pub use trouble::{Trouble, Troubles, troubles};

use context::Context;
use jiff::Timestamp;
use std::sync::Arc;

/// Returns what is to be done. `now` should be in whole seconds, as Kubernetes writes times.
#[must_use]
pub fn plan(view: &View, settings: &Settings, now: Timestamp) -> Plan {
    let mut planner = Planner::new(Arc::new(settings.clone()));
    planner.advance(&Arc::new(view.clone()), Vec::new(), now);
    planner.whole()
}
