//! Chooses the TLS options of a connection by the server name, before any request is seen.
//!
//! As in Traefik, every host in the rules of an entry point's TLS routers is assigned those routers' options, a router
//! without a host cannot have options of its own, and if the routers of one host disagree, all fall back to the default
//! options. Unlike Traefik, a host for which any of them asks for client certificates is never opened by that: the
//! options of its oldest router hold, and routers that want others are not served. So a router can neither remove
//! another's client certificates nor, if it is younger, shut it out. With `core.strictTLSOptions` none of them is
//! served.

mod contest;
#[cfg(test)]
mod tests;

use crate::compile::names::ByName;
use contest::{Contest, Rival};
use flow_model::name::Name;
use std::sync::{Arc, LazyLock};

/// The name of the default options.
pub(crate) const DEFAULT: &str = "default";

/// That name, shared.
pub(crate) fn default_name() -> Name {
    static NAME: LazyLock<Name> = LazyLock::new(|| Name::from(DEFAULT));
    Name::clone(&NAME)
}

/// The TLS options that one router wants on one entry point.
#[derive(Clone, Debug)]
pub(crate) struct TlsOptionsRequest {
    /// The entry point, which need not exist.
    pub(crate) entry_point: Name,
    /// The router's qualified name.
    pub(crate) router: Name,
    /// Hosts of its rule, in lower case and without a dot at the end.
    pub(crate) hosts: Arc<[Name]>,
    /// Qualified name of its options.
    pub(crate) options: Name,
    /// The creation time of the object behind the router, in seconds since 1970.
    pub(crate) created: i64,
}

/// The result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// For each entry point: host → name of the options, if they are not the default ones. The default ones are listed
    /// if a wildcard would lead to others.
    pub(crate) by_host: ByName<ByName<Name>>,
    /// Routers that are in a conflict.
    pub(crate) conflicts: ByName<Vec<Conflict>>,
}

/// A conflict of a router with another, or with its own rule, on one entry point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Conflict {
    /// The entry point.
    pub(crate) entry_point: Name,
    /// The router's treatment there.
    pub(crate) outcome: Outcome,
    /// The message for its owner.
    pub(crate) message: String,
}

/// The treatment of a router that is in a conflict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It keeps its options.
    Kept,
    /// It is served with the default ones.
    Default,
    /// It is not served.
    Refused,
}

/// The policy for conflicts.
pub(crate) struct ConflictPolicy<'a> {
    /// Routers in a conflict are not served (`core.strictTLSOptions`).
    pub(crate) strict: bool,
    /// The client authentication of the options of a name.
    pub(crate) guard: &'a dyn Fn(&str) -> Guard,
}

/// The client authentication of TLS options.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Guard {
    /// Clients are asked for certificates.
    Asks,
    /// Clients are not asked for certificates.
    Open,
    /// The options are missing or invalid: routers that name them are not served.
    Unusable,
}

/// Chooses options for all requests. If all want the default options there are no conflicts.
pub(crate) fn choose(requests: &[TlsOptionsRequest], policy: &ConflictPolicy<'_>) -> Choice {
    let mut choice = Choice::default();
    if requests.iter().all(|request| &*request.options == DEFAULT) {
        return choice;
    }
    for request in requests.iter().filter(|request| request.hosts.is_empty() && &*request.options != DEFAULT) {
        choice.decide_hostless(request, policy);
    }
    let mut contest = Contest::new(requests, policy.guard);
    if policy.strict {
        contest.refuse_all(&mut choice);
    } else {
        contest.refuse_the_unusable(&mut choice);
        contest.refuse_the_younger(&mut choice);
        contest.fall_back(&mut choice);
    }
    choice.name_hosts(requests);
    choice
}

impl Choice {
    fn decide_hostless(&mut self, request: &TlsOptionsRequest, policy: &ConflictPolicy<'_>) {
        let (outcome, end) = if policy.strict {
            (Outcome::Refused, "it is not served, as core.strictTLSOptions says")
        } else if (policy.guard)(&request.options) != Guard::Open {
            (Outcome::Refused, "it is not served, as it would be open without client certificates")
        } else {
            (Outcome::Default, "the default ones are used")
        };
        let TlsOptionsRequest { entry_point, options, .. } = request;
        let message = format!(
            "its TLS options {options} cannot hold on entry point {entry_point}, as its rule names no host: {end}"
        );
        self.add(request, outcome, message);
    }

    fn add(&mut self, request: &TlsOptionsRequest, outcome: Outcome, message: String) {
        let entry_point = Arc::clone(&request.entry_point);
        let conflicts = self.conflicts.entry(Arc::clone(&request.router)).or_default();
        conflicts.push(Conflict { entry_point, outcome, message });
    }

    fn outcome(&self, request: &TlsOptionsRequest) -> Option<Outcome> {
        let here = self.conflicts.get(&request.router)?.iter().filter(|c| c.entry_point == request.entry_point);
        // Of several outcomes, the most severe.
        here.map(|conflict| conflict.outcome).max_by_key(|outcome| match outcome {
            Outcome::Kept => 0,
            Outcome::Default => 1,
            Outcome::Refused => 2,
        })
    }

    /// Notes the options of the hosts of all served routers.
    fn name_hosts(&mut self, requests: &[TlsOptionsRequest]) {
        let mut by_default = Vec::new();
        for request in requests {
            match self.outcome(request) {
                Some(Outcome::Refused) => {}
                None | Some(Outcome::Kept) if &*request.options != DEFAULT => {
                    let hosts = self.by_host.entry(Arc::clone(&request.entry_point)).or_default();
                    hosts.extend(request.hosts.iter().map(|host| (Arc::clone(host), Arc::clone(&request.options))));
                }
                _ => by_default.push(request),
            }
        }
        for request in by_default {
            let Some(hosts) = self.by_host.get_mut(&request.entry_point) else { continue };
            for host in request.hosts.iter() {
                let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
                if wildcard.is_some_and(|wildcard| hosts.contains_key(&*wildcard)) && !hosts.contains_key(host) {
                    hosts.insert(Arc::clone(host), default_name());
                }
            }
        }
    }
}

impl Rival<'_> {
    /// The beginning of the message for both sides of a conflict.
    fn conflict(&self, host: &str, other: &TlsOptionsRequest) -> String {
        let TlsOptionsRequest { entry_point, options, .. } = self.request;
        let (router, others) = (&other.router, &other.options);
        format!(
            "its TLS options {options} conflict with {others} of router {router} on host {host} of entry point {entry_point}: "
        )
    }
}
