//! The report on a protocol's objects as operators see them, updated by changes.

use super::lookup::{Lookup, ObjectRef};
use super::protocol::{Change, Listing, Protocol};
use super::router_set::{Rebuilt, RouterSet};
use flow_model::diagnostic::{Diagnostic, Severity, Subject};
use flow_model::name::Name;
use flow_model::runtime::Status;
use hashbrown::HashMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The state needed for the next report.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Routers that have any error or warning.
    troubled: BTreeSet<Name>,
    /// Objects that could not be built, and why.
    broken: Broken,
}

type Broken = HashMap<ObjectRef, String, foldhash::fast::RandomState>;

impl Report {
    /// Brings `listing` up to date after a change. Returns the problems of all routers.
    pub(super) fn update<P: Protocol>(
        &mut self,
        listing: &mut P::Listing,
        routers: &RouterSet<P>,
        rebuilt: &Rebuilt<P>,
        change: &Change<P::Router>,
        lookup: Lookup<'_, P::Config>,
    ) -> Vec<Diagnostic> {
        self.list_routers(listing, routers, rebuilt);
        let mut broken = Broken::default();
        let mut diagnostics = Vec::new();
        for instance in routers.instances(&self.troubled) {
            broken.extend(instance.broken.iter().cloned());
            let (status, errors) = P::state(&instance.info);
            let severity = match status {
                Status::Enabled => continue,
                Status::Disabled => Severity::Error,
                Status::Warning => Severity::Warning,
            };
            diagnostics.extend(errors.iter().map(|error| {
                let subject = Subject::new(P::ROUTER_KIND, "", Arc::clone(&instance.name));
                Diagnostic::new(severity, subject, error.as_str())
            }));
        }
        let mut objects: BTreeSet<ObjectRef> = change.objects.iter().cloned().collect();
        objects.extend(differing(&self.broken, &broken));
        self.broken = broken;
        for object in objects {
            let error = self.broken.get(&object);
            listing.update_object(object, error, lookup);
        }
        diagnostics
    }

    fn list_routers<P: Protocol>(&mut self, listing: &mut P::Listing, routers: &RouterSet<P>, rebuilt: &Rebuilt<P>) {
        for instance in &rebuilt.gone {
            listing.remove_router(&instance.name, &instance.info);
        }
        for name in &rebuilt.names {
            let mut is_troubled = false;
            for instance in routers.instances([name]) {
                listing.insert_router(&instance.name, &instance.info);
                is_troubled |= P::state(&instance.info).0 != Status::Enabled || !instance.broken.is_empty();
            }
            if is_troubled {
                self.troubled.insert(Arc::clone(name));
            } else {
                self.troubled.remove(name);
            }
        }
    }
}

/// Objects with different errors in the two.
fn differing<'a>(before: &'a Broken, now: &'a Broken) -> impl Iterator<Item = ObjectRef> + 'a {
    let gone = before.keys().filter(|object| !now.contains_key(*object));
    let changed = now.iter().filter(|(object, error)| before.get(*object) != Some(error)).map(|(object, _)| object);
    changed.chain(gone).cloned()
}
