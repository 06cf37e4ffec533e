//! Detection of a running cert-manager: two issuers for one object would undo each other's work.

use super::constants::LEASE;
use super::state::Shared;
use crate::watch::outage::Outage;
use crate::watch::watcher::{WatchEvent, Watcher};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// The duration of a cert-manager term if the Lease does not say.
const DEFAULT_TERM: Duration = Duration::from_secs(60);

/// Starts to look for it in `namespaces`.
pub(super) fn start(
    client: &Client,
    namespaces: &[String],
    outage: &Outage,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<()>,
) {
    for namespace in namespaces {
        shared.state.lock().unlisted.insert(("Lease", namespace.clone()));
        let api = Api::<Lease>::namespaced(client.clone(), namespace);
        let watcher = Watcher::new(api, Config::default().fields(&format!("metadata.name={LEASE}")), outage);
        tasks.spawn(follow(namespace.clone(), watcher, Arc::clone(shared)));
    }
}

/// Returns the holder of a Lease and the time for which it still counts as alive: two terms after its last renewal.
fn alive(lease: &Lease, now: Timestamp) -> Option<(String, Duration)> {
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty())?;
    let term =
        spec.lease_duration_seconds.and_then(|s| u64::try_from(s).ok()).map_or(DEFAULT_TERM, Duration::from_secs);
    let age = now.duration_since(spec.renew_time.as_ref()?.0);
    let age = Duration::try_from(age).unwrap_or_default();
    let left = (term * 2).checked_sub(age).filter(|left| !left.is_zero())?;
    Some((holder, left))
}

async fn follow(namespace: String, mut watcher: Watcher<Lease>, shared: Arc<Shared>) {
    let mut until: Option<Instant> = None;
    let mut listed = None;
    loop {
        let holder = tokio::select! {
            event = watcher.next() => match event {
                WatchEvent::Event(Event::Init) => {
                    listed = None;
                    continue;
                }
                WatchEvent::Event(Event::InitApply(lease)) => {
                    listed = alive(&lease, Timestamp::now());
                    continue;
                }
                WatchEvent::Event(Event::InitDone) => listed.take(),
                WatchEvent::Event(Event::Apply(lease)) => alive(&lease, Timestamp::now()),
                WatchEvent::Event(Event::Delete(_)) | WatchEvent::Absent | WatchEvent::Forbidden(_) => None,
            },
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => None,
        };
        until = holder.as_ref().map(|(_, left)| Instant::now() + *left);
        shared.change(|state| {
            state.unlisted.remove(&("Lease", namespace.clone()));
            match holder {
                Some((holder, _)) => state.cert_managers.insert(namespace.clone(), holder),
                None => state.cert_managers.remove(&namespace),
            };
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn lease(holder: &str, renewed: &str) -> Lease {
        let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": 60, "renewTime": renewed });
        serde_json::from_value(json!({ "metadata": { "name": LEASE }, "spec": spec })).unwrap()
    }

    #[test]
    fn a_holder_is_alive_for_two_terms() {
        let now: Timestamp = "2026-01-01T00:02:00Z".parse().unwrap();
        let left = |holder: &str, renewed: &str| alive(&lease(holder, renewed), now).map(|(_, left)| left.as_secs());
        assert_eq!(left("a", "2026-01-01T00:01:50.000000Z"), Some(110));
        assert_eq!(left("a", "2026-01-01T00:00:01.000000Z"), Some(1));
        assert_eq!(left("a", "2026-01-01T00:00:00.000000Z"), None);
        assert_eq!(left("", "2026-01-01T00:01:50.000000Z"), None);
        // A clock that is ahead of ours.
        assert_eq!(left("a", "2026-01-01T00:05:00.000000Z"), Some(120));
        assert_eq!(alive(&Lease::default(), now), None);
    }
}
