//! Leader election by a `coordination.k8s.io` Lease: of several replicas one writes to the cluster.
//!
//! [`start`] runs a candidate in the background and returns its [`Leadership`]. A leader that cannot renew stops acting
//! on its term before another replica may start one; a leader that shuts down releases it at once.

mod run;
mod term;

#[cfg(test)]
mod tests;

pub use term::Timing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The file that holds the name of the pod's namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The Lease, and our name in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Options {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Our name in it, unique among the replicas: the pod's.
    pub identity: String,
    /// The durations of the election.
    pub timing: Timing,
}

impl Options {
    /// Returns the Lease `name` in this pod's namespace, and this pod's name in it: from `POD_NAMESPACE` and
    /// `POD_NAME`, else from the service account and the host's name.
    #[must_use]
    pub fn of_process(name: &str) -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let account = || std::fs::read_to_string(NAMESPACE_FILE).ok().map(|text| text.trim().to_owned());
        // Pods in the host's network share its name.
        let host = || {
            let host = hostname::get().map(|host| host.to_string_lossy().into_owned()).unwrap_or_default();
            format!("{host}_{:08x}", fastrand::u32(..))
        };
        Self {
            namespace: set("POD_NAMESPACE").or_else(account).unwrap_or_else(|| "default".to_owned()),
            name: name.to_owned(),
            identity: set("POD_NAME").unwrap_or_else(host),
            timing: Timing::default(),
        }
    }
}

/// The state of a candidate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LeaderState {
    /// Another replica leads, or none yet.
    Follower,
    /// This replica leads.
    Leader,
    /// There is no election: we may not use the Lease. Only writes that every replica may do (an Ingress' status, as in
    /// Traefik) go on.
    Unelectable,
}

/// A view of our own state, cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership {
    leader_state: watch::Receiver<LeaderState>,
    term: Arc<Term>,
}

impl Leadership {
    /// True if our term runs at this moment. True only until the deadline of the last renewal, even if this process was
    /// suspended in between: ask right before a write that only a leader may do.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        *self.leader_state.borrow() == LeaderState::Leader && self.term.runs(Instant::now())
    }

    /// True if a write may be done that does no harm when every replica does it.
    #[must_use]
    pub fn may_write_alike(&self) -> bool {
        *self.leader_state.borrow() == LeaderState::Unelectable || self.is_leader()
    }

    /// Returns the state, to wait for its changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LeaderState> {
        self.leader_state.clone()
    }

    /// Returns a leadership that never changes: for a single replica outside a cluster, and for tests.
    #[must_use]
    pub fn fixed(leader_state: LeaderState) -> Self {
        let term = Term::new();
        term.until.store(u64::MAX, Ordering::Release);
        Self { leader_state: watch::channel(leader_state).1, term: Arc::new(term) }
    }
}

/// The end of our term, in milliseconds since the start of the candidate.
#[derive(Debug)]
struct Term {
    start: Instant,
    until: AtomicU64,
}

impl Term {
    fn new() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(0) }
    }

    fn extend(&self, until: Instant) {
        self.until.store(millis(until.saturating_duration_since(self.start)), Ordering::Release);
    }

    fn end(&self) {
        self.until.store(0, Ordering::Release);
    }

    fn runs(&self, now: Instant) -> bool {
        millis(now.saturating_duration_since(self.start)) < self.until.load(Ordering::Acquire)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Starts a candidate on the current runtime. It runs until `stop` is cancelled and then releases a term of its own;
/// the handle ends when that is done.
pub fn start(
    client: kube::Client,
    options: Options,
    stop: CancellationToken,
) -> (Leadership, tokio::task::JoinHandle<()>) {
    let (leader_state, receiver) = watch::channel(LeaderState::Follower);
    let term = Arc::new(Term::new());
    let leadership = Leadership { leader_state: receiver, term: Arc::clone(&term) };
    let election = run::Election::new(client, options, leader_state, term);
    (leadership, tokio::spawn(election.run(stop)))
}
