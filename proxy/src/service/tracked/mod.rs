//! Load balancers that know more of their servers than their weights: requests in flight, times, health.
//!
//! Those that need none of it are a plain [`Balancer`], whose requests pay nothing for this.

mod attempt;
mod response_times;
mod server;

use super::balancer::{Balancer, Choice};
use super::{ServiceError, rendezvous};
use crate::forward::Transport;
use attempt::Attempt;
use flow_model::config::{LoadBalancer, Strategy};
use http::{HeaderMap, HeaderValue};
use server::ServerState;
use smallvec::SmallVec;
use std::sync::Arc;

/// A compiled load balancer that knows the state of its servers.
#[derive(Debug)]
pub(super) struct Tracked {
    balancer: Balancer,
    strategy: Strategy,
    /// By index, as the endpoints of the balancer.
    servers: Box<[Server]>,
}

#[derive(Debug)]
struct Server {
    state: Arc<ServerState>,
    weight: f64,
    /// True if only its sticky clients get it.
    fenced: bool,
}

impl Tracked {
    /// True if a load balancer has to know the state of its servers.
    pub(super) fn is_needed(config: &LoadBalancer) -> bool {
        config.strategy != Strategy::Wrr
    }

    /// Compiles `config`. The states of servers that stay are taken over from `before`, and all that a plain balancer
    /// takes over from `previous`.
    pub(super) fn compile(
        name: &str,
        config: &LoadBalancer,
        transport: &Arc<Transport>,
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
        let served = config.servers.iter().filter(|server| server.weight.unwrap_or(1) > 0);
        let servers = served.map(|server| Server {
            state: Arc::clone(known.entry(server.url.as_str().into()).or_default()),
            weight: f64::from(server.weight.unwrap_or(1)),
            fenced: server.fenced,
        });
        Ok(Self { servers: servers.collect(), strategy: config.strategy, balancer })
    }

    /// The servers and what is the same for all load balancers.
    pub(super) fn balancer(&self) -> &Balancer {
        &self.balancer
    }

    /// A request of the client at this address, as text, for a server to be chosen.
    pub(super) fn attempt(&self, headers: &HeaderMap, client: &HeaderValue) -> Option<(Attempt<'_>, Choice)> {
        let choice = self.choose(headers, client)?;
        Attempt::new(self, client.clone(), choice.0).map(|attempt| (attempt, choice))
    }

    /// The server for a request, and the sticky cookie to set if the client has none yet.
    fn choose(&self, headers: &HeaderMap, client: &HeaderValue) -> Option<Choice> {
        if let Some(sticky) = self.balancer.sticky()
            && let Some(known) = sticky.find(headers)
        {
            return Some((known.index, known.outdated.then(|| sticky.header(known.index)).flatten()));
        }
        self.next(client, &[])
    }

    /// A server by the strategy, but for those tried, with its cookie.
    fn next(&self, client: &HeaderValue, tried: &[usize]) -> Option<Choice> {
        let may =
            |index: usize| !tried.contains(&index) && self.servers.get(index).is_some_and(|server| !server.fenced);
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
