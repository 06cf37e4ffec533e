//! Load balancers that know more of their servers than their weights: requests in flight, times, health.
//!
//! Those that need none of it are a plain [`Balancer`], whose requests pay nothing for this.

mod attempt;
mod response_times;
mod server;

use super::balancer::{Balancer, Choice};
use super::health::{Check, Limit, Probe};
use super::{Resolve, ServiceError, rendezvous};
use crate::forward::{Endpoint, Transport};
use attempt::Attempt;
use flow_model::config::{LoadBalancer, Strategy};
use http::{HeaderMap, HeaderValue};
use server::ServerState;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Instant;

/// A compiled load balancer that knows the state of its servers.
#[derive(Debug)]
pub(super) struct Tracked {
    balancer: Balancer,
    strategy: Strategy,
    /// By index, as the endpoints of the balancer.
    servers: Box<[Server]>,
    /// The failures that take a server out; `None` if it never is.
    limit: Option<Limit>,
    /// True if the servers are checked.
    has_probes: bool,
}

#[derive(Debug)]
struct Server {
    state: Arc<ServerState>,
    weight: f64,
    /// True if only its sticky clients get it.
    fenced: bool,
    /// Set if it is checked.
    probe: Option<Arc<Probe>>,
}

impl Tracked {
    /// True if a load balancer has to know the state of its servers.
    pub(super) fn is_needed(config: &LoadBalancer) -> bool {
        config.strategy != Strategy::Wrr || config.health_check.is_some() || config.passive_health_check.is_some()
    }

    /// Compiles `config`. The states of servers that stay are taken over from `before`, and all that a plain balancer
    /// takes over from `previous`.
    pub(super) fn compile(
        name: &str,
        config: &LoadBalancer,
        transport: &Arc<Transport>,
        resolve: &mut dyn Resolve,
        previous: Option<&Balancer>,
        before: Option<&Self>,
    ) -> Result<Self, ServiceError> {
        let mut config = config.clone();
        match config.strategy {
            // Traefik looks at no weight there, not even at one of zero.
            Strategy::P2c => config.servers.iter_mut().for_each(|server| server.weight = None),
            // The client's address is its cookie.
            Strategy::Hrw => config.sticky = None,
            Strategy::Wrr | Strategy::LeastTime => {}
        }
        let balancer = Balancer::compile(name, &config, transport, previous)?;
        let known = before.into_iter().flat_map(|before| before.balancer.endpoints().iter().zip(&before.servers));
        let mut known: hashbrown::HashMap<Box<str>, Arc<ServerState>, foldhash::fast::RandomState> =
            known.map(|(endpoint, server)| (Box::from(endpoint.url()), Arc::clone(&server.state))).collect();
        let check = config.health_check.as_deref().map(Check::new).transpose()?.map(Arc::new);
        let served = config.servers.iter().filter(|server| server.weight.unwrap_or(1) > 0);
        let servers = served.map(|server| Server {
            state: Arc::clone(known.entry(server.url.as_str().into()).or_default()),
            weight: f64::from(server.weight.unwrap_or(1)),
            fenced: server.fenced,
            probe: check.as_ref().map(|check| resolve.probe(&server.url, check, transport)),
        });
        Ok(Self {
            servers: servers.collect(),
            strategy: config.strategy,
            limit: config.passive_health_check.as_deref().map(Limit::from),
            has_probes: check.is_some(),
            balancer,
        })
    }

    /// The servers and what is the same for all load balancers.
    pub(super) fn balancer(&self) -> &Balancer {
        &self.balancer
    }

    /// True if its servers are checked, so that it tells others of its state.
    pub(super) fn has_probes(&self) -> bool {
        self.has_probes
    }

    /// True if at least one server is up.
    pub(super) fn is_up(&self, now: Instant) -> bool {
        self.servers.iter().any(|server| self.is_server_up(server, now))
    }

    /// The servers: URL, and true if it is up. Empty if nothing would tell that one is down.
    pub(super) fn states(&self, now: Instant) -> Vec<(String, bool)> {
        if !self.has_probes && self.limit.is_none() {
            return Vec::new();
        }
        let servers = self.balancer.endpoints().iter().zip(&self.servers);
        servers.map(|(endpoint, server)| (endpoint.url().to_owned(), self.is_server_up(server, now))).collect()
    }

    fn is_server_up(&self, server: &Server, now: Instant) -> bool {
        let checks = server.probe.as_ref().map_or(0, |probe| probe.checks());
        server.probe.as_ref().is_none_or(|probe| probe.is_up())
            && (self.limit.is_none() || !server.state.passive.is_down(now, checks))
    }

    /// Notes the outcome of a request to the server at `index`.
    fn note(&self, index: usize, is_failure: bool, now: Instant) {
        let (Some(limit), Some(server)) = (self.limit, self.servers.get(index)) else { return };
        if !is_failure {
            server.state.passive.succeeded();
        } else if server.state.passive.failed(limit, now, server.probe.as_ref().map(|probe| probe.checks())) {
            let url = self.balancer.endpoints().get(index).map(|endpoint| endpoint.url());
            tracing::warn!(server = url, "a server is down: too many requests to it failed");
        }
    }

    /// A request of the client at this address, as text, for a server to be chosen.
    pub(super) fn attempt(
        &self,
        headers: &HeaderMap,
        client: &HeaderValue,
        failed: &[Arc<Endpoint>],
        now: Instant,
    ) -> Option<(Attempt<'_>, Choice)> {
        let choice = self.choose(headers, client, failed, now)?;
        Attempt::new(self, client.clone(), choice.0).map(|attempt| (attempt, choice))
    }

    /// The server for a request, and the sticky cookie to set if the client has none yet. One that an earlier try has
    /// `failed` is chosen only if there is no other.
    fn choose(
        &self,
        headers: &HeaderMap,
        client: &HeaderValue,
        failed: &[Arc<Endpoint>],
        now: Instant,
    ) -> Option<Choice> {
        if !failed.is_empty() {
            let failed = self.balancer.indexes(failed);
            if let Some(other) = (!failed.is_empty()).then(|| self.next(client, &failed, now)).flatten() {
                return Some(other);
            }
        }
        if let Some(sticky) = self.balancer.sticky()
            && let Some(known) = sticky.find(headers)
            && self.servers.get(known.index).is_some_and(|server| self.is_server_up(server, now))
        {
            return Some((known.index, known.outdated.then(|| sticky.header(known.index)).flatten()));
        }
        self.next(client, &[], now)
    }

    /// A server that is up, by the strategy, but for those tried, with its cookie.
    fn next(&self, client: &HeaderValue, tried: &[usize], now: Instant) -> Option<Choice> {
        let is_free = |server: &Server| !server.fenced && self.is_server_up(server, now);
        let may = |index: usize| !tried.contains(&index) && self.servers.get(index).is_some_and(is_free);
        let index = match self.strategy {
            Strategy::Wrr => self.balancer.round_robin.next_of(may),
            Strategy::P2c => self.freer_of_two(may, fastrand::usize),
            Strategy::Hrw => {
                let servers = self.balancer.endpoints().iter().zip(&self.servers).enumerate();
                let servers = servers.filter(|(index, _)| may(*index));
                rendezvous::highest(
                    client.as_bytes(),
                    servers.map(|(index, (endpoint, server))| (index, endpoint.url(), server.weight)),
                )
            }
            Strategy::LeastTime => self.soonest(may),
        }?;
        Some((index, self.balancer.sticky().and_then(|sticky| sticky.header(index))))
    }

    /// Of two servers chosen by `random`, which returns a number in a range, the one with fewer requests in flight.
    fn freer_of_two(
        &self,
        may: impl Fn(usize) -> bool,
        random: impl Fn(std::ops::Range<usize>) -> usize,
    ) -> Option<usize> {
        let candidates: SmallVec<[usize; 32]> = (0..self.servers.len()).filter(|index| may(*index)).collect();
        if candidates.len() < 2 {
            return candidates.first().copied();
        }
        let first = random(0..candidates.len());
        // Any of the others.
        let second = (first + 1 + random(0..candidates.len() - 1)) % candidates.len();
        let in_flight = |index: &usize| self.servers.get(*index).map(|server| server.state.in_flight());
        let (first, second) = (candidates.get(first)?, candidates.get(second)?);
        Some(*if in_flight(second) < in_flight(first) { second } else { first })
    }

    /// The server with the least product of time and requests for its weight. Equal ones take turns by weight.
    fn soonest(&self, may: impl Fn(usize) -> bool) -> Option<usize> {
        let mut best = SmallVec::<[usize; 32]>::new();
        let mut least = f64::INFINITY;
        for (index, server) in self.servers.iter().enumerate().filter(|(index, _)| may(*index)) {
            #[expect(clippy::cast_precision_loss, reason = "there are no 2^52 requests")]
            let requests = (1 + server.state.in_flight()) as f64;
            let score = server.state.times.average() * requests / server.weight;
            if score < least {
                (least, best) = (score, SmallVec::from_slice(&[index]));
            } else if score <= least {
                best.push(index);
            }
        }
        match best.as_slice() {
            [one] => Some(*one),
            several => self.balancer.round_robin.next_of(|index| several.contains(&index)),
        }
    }
}

#[cfg(test)]
mod tests;
