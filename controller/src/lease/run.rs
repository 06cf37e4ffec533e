//! A running candidate: reads the Lease, writes it, waits.

use super::term::{Candidate, Step};
use super::{LeaderState, Options, Term};
use futures_util::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{PostParams, WatchParams};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// The pause before the next attempt if the Lease may not be used.
const FORBIDDEN_PAUSE: Duration = Duration::from_secs(60);

/// The time limit of a single request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) struct Election {
    api: Api<Lease>,
    options: Options,
    candidate: Candidate,
    leader_state: watch::Sender<LeaderState>,
    term: Arc<Term>,
    /// The Lease as last read or written.
    lease: Option<Lease>,
    /// The end of our term, if we hold it.
    held_until: Option<Instant>,
}

/// The pause before the next attempt.
enum Pause {
    For(Duration),
    /// Until the Lease changes, at most until then.
    Change(Instant),
}

impl Election {
    pub(super) fn new(
        client: kube::Client,
        options: Options,
        leader_state: watch::Sender<LeaderState>,
        term: Arc<Term>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, &options.namespace),
            candidate: Candidate::new(options.identity.clone(), options.timing),
            options,
            leader_state,
            term,
            lease: None,
            held_until: None,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.turn()).await.is_some() {}
        self.release().await;
    }

    /// One attempt and the pause after it.
    async fn turn(&mut self) {
        let pause = self.attempt().await;
        match pause {
            Pause::For(time) => sleep(time).await,
            Pause::Change(until) => self.change(until).await,
        }
    }

    async fn attempt(&mut self) -> Pause {
        let sent = Instant::now();
        let limit = self.held_until.map_or(sent + REQUEST_TIMEOUT, |until| until.min(sent + REQUEST_TIMEOUT));
        let outcome = match timeout_at(limit, self.exchange(sent)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                debug!(lease = self.options.name, "no answer from the API server about the Lease");
                self.lease = None;
                Ok(None)
            }
        };
        match outcome {
            Ok(Some(pause)) => return pause,
            Ok(None) => {}
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                self.lose(LeaderState::Unelectable, &status.message);
                return Pause::For(FORBIDDEN_PAUSE);
            }
            Err(error) => {
                debug!(lease = self.options.name, %error, "the Lease could not be read or written");
                self.lease = None;
            }
        }
        if self.held_until.is_some_and(|until| Instant::now() >= until) {
            self.lose(LeaderState::Follower, "it could not be renewed in time");
        }
        Pause::For(self.options.timing.retry)
    }

    /// Reads the Lease if it is not known, and writes it if allowed. `None`: another replica was faster.
    async fn exchange(&mut self, sent: Instant) -> kube::Result<Option<Pause>> {
        if self.held_until.is_none() || self.lease.is_none() {
            self.lease = self.api.get_opt(&self.options.name).await?;
        }
        match self.candidate.step(self.lease.as_ref(), sent) {
            Step::Wait(until) => {
                self.lose(LeaderState::Follower, "another replica has it");
                Ok(Some(Pause::Change(until)))
            }
            Step::Write => {
                let claim = self.candidate.claim(&self.options.name, self.lease.as_ref(), Timestamp::now());
                let params = PostParams::default();
                let written = match self.lease {
                    None => self.api.create(&params, &claim).await,
                    Some(_) => self.api.replace(&self.options.name, &params, &claim).await,
                };
                match written {
                    Ok(lease) => {
                        self.lease = Some(lease);
                        self.hold(self.candidate.deadline(sent));
                        Ok(Some(Pause::For(self.options.timing.renew)))
                    }
                    Err(kube::Error::Api(status))
                        if status.is_conflict() || status.is_already_exists() || status.is_not_found() =>
                    {
                        self.lease = None;
                        Ok(None)
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Waits until the Lease changes; where it may not be watched, for the usual time.
    async fn change(&self, until: Instant) {
        let version = self.lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        let params = WatchParams::default().fields(&format!("metadata.name={}", self.options.name));
        let event = async {
            let stream = self.api.watch(&params, version.as_deref().unwrap_or("0")).await?;
            pin!(stream).next().await.transpose()
        };
        match timeout_at(until, event).await {
            Ok(Ok(Some(_))) | Err(_) => {}
            Ok(Ok(None) | Err(_)) => sleep_until(until.min(Instant::now() + self.options.timing.renew)).await,
        }
    }

    fn hold(&mut self, until: Instant) {
        self.held_until = Some(until);
        self.term.extend(until);
        if self.leader_state.send_replace(LeaderState::Leader) != LeaderState::Leader {
            info!(lease = self.options.name, identity = self.options.identity, "this replica leads");
        }
    }

    fn lose(&mut self, leader_state: LeaderState, reason: &str) {
        self.term.end();
        self.held_until = None;
        let before = self.leader_state.send_replace(leader_state);
        if before == leader_state {
            return;
        }
        match leader_state {
            LeaderState::Unelectable => warn!(
                lease = self.options.name,
                namespace = self.options.namespace,
                reason,
                "no leader election: grant get, create, update and watch on leases; until then nothing is done that only one replica may do"
            ),
            _ if before == LeaderState::Leader => {
                warn!(lease = self.options.name, reason, "this replica leads no longer")
            }
            _ => {}
        }
    }

    async fn release(mut self) {
        if self.held_until.is_none() {
            return;
        }
        self.lose(LeaderState::Follower, "it is shutting down");
        let Some(lease) = &self.lease else { return };
        let free = self.candidate.release(lease, Timestamp::now());
        let params = PostParams::default();
        let request = self.api.replace(&self.options.name, &params, &free);
        if let Ok(Err(error)) = timeout_at(Instant::now() + REQUEST_TIMEOUT, request).await {
            debug!(lease = self.options.name, %error, "the Lease could not be released");
        }
    }
}
