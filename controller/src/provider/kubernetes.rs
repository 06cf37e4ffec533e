//! A cluster as a source of configuration: watches, translation, status; and its certificates, which share the watches.

use super::events;
use super::options::{CrdProvider, IngressProvider, KubernetesOptions};
use super::publish::{Provider, Publisher, Update, channel};
use super::status_planner::StatusPlanner;
use super::throttle::Throttle;
use crate::certificates::{self, ClusterStore};
use crate::lease::{self, LeaderState};
use crate::resolvers::{self, ResolverStore};
use crate::status;
use crate::translate::status::published_service;
use crate::translate::{Options, Translator};
use crate::watch::{ConnectError, Environment, Informers, Plan, Scope, Watch};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// The longest time that a change waits for the Secrets and ConfigMaps that it names, so that it is not served without them.
const LOOK_UP: Duration = Duration::from_millis(500);
/// The pause between two messages about missing sources, until everything is known.
const REMINDER: Duration = Duration::from_secs(10);

/// A cluster that is being watched.
pub struct Kubernetes {
    /// Its configuration.
    pub provider: Provider,
    /// Its certificates, if they are issued here.
    pub certificates: Option<Arc<ClusterStore>>,
    /// The certificates of Traefik's resolvers, if there are any.
    pub resolvers: Option<Arc<ResolverStore>>,
    election: JoinHandle<()>,
}

impl Kubernetes {
    /// Waits until the Lease is released, after the token given to [`start`] was cancelled.
    pub async fn ended(self) {
        let _ = self.election.await;
    }
}

/// Watches a cluster, on the current runtime and until `stop` is cancelled.
///
/// # Errors
/// The options name no usable way to an API server. One that does not respond is waited for.
pub async fn start(options: KubernetesOptions, stop: CancellationToken) -> Result<Kubernetes, ConnectError> {
    let client = options.connection.client(&Environment::of_process()).await?;
    Ok(with_client(client, options, stop))
}

pub(super) fn with_client(client: kube::Client, options: KubernetesOptions, stop: CancellationToken) -> Kubernetes {
    let (leadership, election) = lease::start(client.clone(), options.lease.clone(), stop.clone());
    let (publisher, provider) = channel();
    let (plans, receive) = mpsc::unbounded_channel();
    tokio::spawn(status::write(client.clone(), leadership.clone(), receive, publisher.applied.clone()));
    let (events, found) = watch::channel(None);
    let identity = options.lease.identity.clone();
    tokio::spawn(events::write(client.clone(), leadership.clone(), identity, found));
    let mut informers = Informers::new(client);
    let controller = Controller::new(&mut informers, &options, publisher, plans, events, leadership.state());
    let certificates = options
        .certificates
        .map(|certificates| certificates::subscribe(&mut informers, leadership.clone(), certificates, stop.clone()));
    let resolvers = options
        .resolvers
        .map(|resolvers| resolvers::subscribe(&mut informers, leadership.clone(), resolvers, stop.clone()));
    informers.start(stop.clone());
    tokio::spawn(async move {
        stop.run_until_cancelled(controller.run()).await;
    });
    Kubernetes { provider, certificates, resolvers, election }
}

/// The loop around the view.
struct Controller {
    watch: Watch,
    translator: Translator,
    throttle: Throttle,
    publisher: Publisher,
    status_planner: StatusPlanner,
    /// The findings that are told on objects.
    events: watch::Sender<Option<Update>>,
    leader_state: watch::Receiver<LeaderState>,
}

impl Controller {
    fn new(
        informers: &mut Informers,
        options: &KubernetesOptions,
        publisher: Publisher,
        plans: mpsc::UnboundedSender<status::Plan>,
        events: watch::Sender<Option<Update>>,
        leader_state: watch::Receiver<LeaderState>,
    ) -> Self {
        let (ingress, crd) = (options.ingress.as_ref(), options.crd.as_ref());
        let throttle = ingress.map(|p| p.throttle).max(crd.map(|p| p.throttle)).unwrap_or_default();
        let status_planner = StatusPlanner::new(ingress.map(|p| p.options.clone()), plans);
        Self {
            watch: Watch::new(plan(ingress, crd), informers),
            translator: Translator::new(Options {
                ingress: ingress.map(|p| p.options.clone()),
                crd: crd.map(|p| p.options.clone()),
            }),
            throttle: Throttle::new(throttle),
            publisher,
            status_planner,
            events,
            leader_state,
        }
    }

    async fn run(mut self) {
        let started = Instant::now();
        let mut applied = self.publisher.applied.clone();
        let mut leader_state = self.leader_state.clone();
        let mut reminder = started + REMINDER;
        let mut dirty = true;
        loop {
            let due = self.due(dirty, *applied.borrow_and_update());
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    let first = self.publisher.version() == 0;
                    self.translate();
                    dirty = false;
                    if first {
                        info!(seconds = started.elapsed().as_secs_f32(), "every source in the cluster is known");
                    }
                }
                () = self.watch.changed() => {
                    dirty |= !self.watch.view.dirty().is_empty() | self.watch.take_problems_changed();
                }
                changed = applied.changed() => if changed.is_err() { return },
                Ok(()) = leader_state.changed() => {
                    self.status_planner.invalidate();
                    dirty = true;
                }
                () = sleep_until(reminder), if self.publisher.version() == 0 => {
                    reminder += REMINDER;
                    info!(missing = self.watch.missing(), "not everything in the cluster is known yet");
                }
                () = self.publisher.closed() => return,
            }
        }
    }

    /// When to translate; `None` while there is no reason to, or not everything is known.
    fn due(&self, dirty: bool, applied: u64) -> Option<Instant> {
        if !dirty || (self.publisher.version() == 0 && !self.watch.is_synced()) {
            return None;
        }
        let earliest = self.throttle.earliest(applied);
        let looked_up = self.watch.pending_since().map(|since| since + LOOK_UP);
        Some(earliest.max(looked_up).unwrap_or_else(Instant::now))
    }

    fn translate(&mut self) {
        let began = Instant::now();
        self.status_planner.notice(&self.watch.view);
        let translated = self.translator.translate(&mut self.watch.view);
        let mut diagnostics: Vec<_> = self.watch.problems().cloned().collect();
        diagnostics.extend(self.status_planner.problem(&self.watch.view));
        let ended = Instant::now();
        self.throttle.translated(began, ended);
        if let Some(version) = self.publisher.publish(translated.sources(), diagnostics) {
            self.throttle.sent(version, ended);
            self.events.send_replace(self.publisher.latest());
            debug!(version, micros = (ended - began).as_micros(), "translated");
        }
        if *self.leader_state.borrow() != LeaderState::Follower {
            self.status_planner.plan(&self.watch.view, &self.translator, self.publisher.version());
        }
    }
}

fn plan(ingress: Option<&IngressProvider>, crd: Option<&CrdProvider>) -> Plan {
    let scope = |namespaces: &[String], labels: &str| Scope {
        namespaces: namespaces.iter().map(|namespace| namespace.as_str().into()).collect(),
        labels: labels.to_owned(),
    };
    let options = ingress.map(|provider| &provider.options);
    let cluster_scope = options.is_some_and(|options| !options.disable_cluster_scope_resources);
    Plan {
        ingress: ingress.map(|provider| scope(&provider.namespaces, &provider.label_selector)),
        classes: cluster_scope && options.is_some_and(|options| !options.disable_ingress_class_lookup),
        custom: crd.map(|provider| scope(&provider.namespaces, &provider.label_selector)),
        class: options.map_or_else(String::new, |options| options.ingress_class.clone()),
        nodes: cluster_scope || crd.is_some_and(|provider| !provider.options.disable_cluster_scope_resources),
        published: options.and_then(published_service),
    }
}
