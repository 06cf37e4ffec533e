//! The events of one watch. Failures worth a retry are retried here, others are reported.

use super::outage::{ApiHealth, Outage};
use flow_model::diagnostic::causes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use kube::core::{NamespaceResourceScope, Status};
use kube::runtime::watcher::{self, Config, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

/// The first pause after a failure; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause while the API server is unreachable.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// The time after which a failure is forgotten; longer than every pause.
const FAILURE_MEMORY: Duration = Duration::from_secs(60);
/// The time after which an open watch counts as accepted rather than failing: longer than it takes to connect.
const ACCEPTED_AFTER: Duration = Duration::from_secs(7);
/// The longest pause while watching is forbidden.
const MAX_FORBIDDEN_PAUSE: Duration = Duration::from_secs(30);

/// A kind that can be watched.
pub(crate) trait Watched: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static {}
impl<K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static> Watched for K {}

/// A kind that can be watched in one namespace or in all.
pub(crate) trait Namespaced: Watched + Resource<DynamicType = (), Scope = NamespaceResourceScope> {}
impl<K: Watched + Resource<DynamicType = (), Scope = NamespaceResourceScope>> Namespaced for K {}

/// A message of a watch.
#[derive(Debug)]
pub(crate) enum WatchEvent<K> {
    /// An event as kube classifies them.
    Event(watcher::Event<K>),
    /// Listing or watching is forbidden; the API server's words.
    Forbidden(String),
    /// The kind does not exist.
    Absent,
}

/// One watch that never ends.
pub(crate) struct Watcher<K> {
    api: Api<K>,
    config: Config,
    events: BoxStream<'static, watcher::Result<watcher::Event<K>>>,
    health: ApiHealth,
    pause: Duration,
    resume: Option<Instant>,
    failed: Option<Instant>,
}

impl<K: Watched> Watcher<K> {
    /// Watches all objects of `api` that `config` selects, as a streaming list if the server supports it.
    pub(crate) fn new(api: Api<K>, config: Config, outage: &Outage) -> Self {
        let config = config.streaming_lists();
        let events = watcher(api.clone(), config.clone()).boxed();
        Self { api, config, events, health: outage.health(), pause: FIRST_PAUSE, resume: None, failed: None }
    }

    /// Returns the next event. May be dropped before it is ready without losing one.
    pub(crate) async fn next(&mut self) -> WatchEvent<K> {
        loop {
            if let Some(at) = self.resume {
                sleep_until(at).await;
                self.resume = None;
            }
            let Some(next) = self.next_event().await else { continue };
            match next {
                Some(Ok(event)) => {
                    // The mere start of a paged list does not show yet that the server responds.
                    if !matches!(event, watcher::Event::Init) {
                        self.health.succeeded();
                        self.pause = FIRST_PAUSE;
                    }
                    return WatchEvent::Event(event);
                }
                Some(Err(error)) => {
                    if let Some(event) = self.failed(&error) {
                        return event;
                    }
                }
                None => self.restart(),
            }
        }
    }

    /// Returns the next event. `None` if a watch that failed before has been open for [`ACCEPTED_AFTER`] without one:
    /// it works.
    async fn next_event(&mut self) -> Option<Option<watcher::Result<watcher::Event<K>>>> {
        if !self.health.is_failing() {
            return Some(self.events.next().await);
        }
        let next = timeout(ACCEPTED_AFTER, self.events.next()).await.ok();
        if next.is_none() {
            self.health.succeeded();
            self.pause = FIRST_PAUSE;
        }
        next
    }

    fn failed(&mut self, error: &watcher::Error) -> Option<WatchEvent<K>> {
        match status(error) {
            Some(403) => {
                self.health.succeeded();
                self.wait(MAX_FORBIDDEN_PAUSE);
                Some(WatchEvent::Forbidden(words(error)))
            }
            Some(404) => {
                self.health.succeeded();
                self.wait(MAX_PAUSE);
                Some(WatchEvent::Absent)
            }
            // The known version is too old to go on from: a new list. The watcher would ask for the old version again.
            Some(410) => {
                self.restart();
                self.wait(MAX_PAUSE);
                None
            }
            Some(400 | 422) if self.config.initial_list_strategy == watcher::InitialListStrategy::StreamingList => {
                debug!(%error, "no streaming lists here: listing in pages");
                self.config.initial_list_strategy = watcher::InitialListStrategy::ListWatch;
                self.restart();
                None
            }
            // It responds, and is not ready for this: right after its start, or under load.
            Some(429) => {
                self.wait(MAX_PAUSE);
                None
            }
            // The connection broke, which is normal. Resuming the watch shows if the server is gone.
            None if matches!(error, watcher::Error::WatchFailed(_)) => {
                self.wait(MAX_PAUSE);
                None
            }
            _ => {
                self.health.failed(&words(error));
                self.wait(MAX_PAUSE);
                None
            }
        }
    }

    fn restart(&mut self) {
        self.events = watcher(self.api.clone(), self.config.clone()).boxed();
    }

    /// Doubles the pause before the next attempt, with a spread so that not all watches come back at once. A failure
    /// long after the last one counts as the first.
    fn wait(&mut self, longest: Duration) {
        let now = Instant::now();
        if self.failed.replace(now).is_none_or(|failed| now - failed > FAILURE_MEMORY) {
            self.pause = FIRST_PAUSE;
        }
        let spread = self.pause.mul_f64(0.75 + fastrand::f64() / 2.0);
        self.resume = Some(now + spread.min(longest));
        self.pause = (self.pause * 2).min(longest);
    }
}

/// Returns the API server's message, or the reason why there is none.
fn words(error: &watcher::Error) -> String {
    api_status(error).map_or_else(|| causes(error), |status| status.message.clone())
}

/// Returns the status code of the API server's response in an error.
fn status(error: &watcher::Error) -> Option<u16> {
    api_status(error).map(|status| status.code)
}

fn api_status(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        _ => None,
    }
}
