//! Which TLS options a connection gets: chosen by the server name before any request is seen.
//!
//! As in Traefik, every host in the rules of an entry point's TLS routers stands for those routers' options, a router
//! without a host cannot have options of its own, and where the routers of one host disagree all fall back to the
//! default options. Unlike Traefik, a host for which any of them asks for client certificates is never opened by that:
//! the options of its eldest router hold, and routers that want others are not served. So nobody takes another's client
//! certificates away, and nobody who comes later shuts another out. With `core.strictTLSOptions` none of them is served.

mod contest;
#[cfg(test)]
mod tests;

use contest::{Contest, Rival};
use flow_model::name::Name;
use hashbrown::HashMap;
use std::sync::{Arc, LazyLock};

/// The name of the options that hold where nothing else is said.
pub(crate) const DEFAULT: &str = "default";

/// That name, shared.
pub(crate) fn default_name() -> Name {
    static NAME: LazyLock<Name> = LazyLock::new(|| Name::from(DEFAULT));
    Name::clone(&NAME)
}

/// What one TLS router wants on one entry point.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// The entry point, which need not exist.
    pub(crate) entry_point: Name,
    /// The router's qualified name.
    pub(crate) router: Name,
    /// Hosts of its rule, in lower case and without a dot at the end.
    pub(crate) hosts: Arc<[Name]>,
    /// Qualified name of its options.
    pub(crate) options: Name,
    /// When the object behind the router was created, in seconds since 1970.
    pub(crate) created: i64,
}

/// A map with names as keys.
pub(crate) type ByName<T> = HashMap<Name, T, foldhash::fast::RandomState>;

/// What came of the wishes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// For each entry point: host → name of the options, where they are not the default ones. The default ones are named
    /// where a wildcard would lead to others.
    pub(crate) by_host: ByName<ByName<Name>>,
    /// Routers that are in a conflict.
    pub(crate) conflicts: ByName<Vec<Conflict>>,
}

/// A conflict of a router with another, or with its own rule, on one entry point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Conflict {
    /// The entry point.
    pub(crate) entry_point: Name,
    /// What becomes of the router there.
    pub(crate) outcome: Outcome,
    /// What its owner is told.
    pub(crate) message: String,
}

/// What becomes of a router that is in a conflict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It keeps its options.
    Kept,
    /// It is served with the default ones.
    Default,
    /// It is not served.
    Refused,
}

/// How conflicts are settled.
pub(crate) struct Settling<'a> {
    /// Nobody in a conflict is served (`core.strictTLSOptions`).
    pub(crate) strict: bool,
    /// What options of a name do for those who name them.
    pub(crate) guard: &'a dyn Fn(&str) -> Guard,
}

/// What options do for those who name them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Guard {
    /// Clients are asked for certificates.
    Asks,
    /// They are not.
    Open,
    /// The options are not there, or cannot be used: nobody is served with them.
    Unusable,
}

/// Settles the wishes. Where nobody wishes for anything but the default options there is nothing to settle.
pub(crate) fn choose(wishes: &[Wish], settling: &Settling<'_>) -> Choice {
    let mut choice = Choice::default();
    if wishes.iter().all(|wish| &*wish.options == DEFAULT) {
        return choice;
    }
    for wish in wishes.iter().filter(|wish| wish.hosts.is_empty() && &*wish.options != DEFAULT) {
        choice.settle_hostless(wish, settling);
    }
    let mut contest = Contest::new(wishes, settling.guard);
    if settling.strict {
        contest.refuse_all(&mut choice);
    } else {
        contest.refuse_the_unusable(&mut choice);
        contest.refuse_the_younger(&mut choice);
        contest.fall_back(&mut choice);
    }
    choice.name_hosts(wishes);
    choice
}

impl Choice {
    fn settle_hostless(&mut self, wish: &Wish, settling: &Settling<'_>) {
        let (outcome, end) = if settling.strict {
            (Outcome::Refused, "it is not served, as core.strictTLSOptions says")
        } else if (settling.guard)(&wish.options) != Guard::Open {
            (Outcome::Refused, "it is not served, as it would be open without client certificates")
        } else {
            (Outcome::Default, "the default ones are used")
        };
        let Wish { entry_point, options, .. } = wish;
        let message = format!(
            "its TLS options {options} cannot hold on entry point {entry_point}, as its rule names no host: {end}"
        );
        self.add(wish, outcome, message);
    }

    fn add(&mut self, wish: &Wish, outcome: Outcome, message: String) {
        let entry_point = Arc::clone(&wish.entry_point);
        let conflicts = self.conflicts.entry(Arc::clone(&wish.router)).or_default();
        conflicts.push(Conflict { entry_point, outcome, message });
    }

    fn outcome(&self, wish: &Wish) -> Option<Outcome> {
        let here = self.conflicts.get(&wish.router)?.iter().filter(|c| c.entry_point == wish.entry_point);
        // Of several the one that leaves least of the router.
        here.map(|conflict| conflict.outcome).max_by_key(|outcome| match outcome {
            Outcome::Kept => 0,
            Outcome::Default => 1,
            Outcome::Refused => 2,
        })
    }

    /// Writes down which options the hosts of the routers get that are served.
    fn name_hosts(&mut self, wishes: &[Wish]) {
        let mut by_default = Vec::new();
        for wish in wishes {
            match self.outcome(wish) {
                Some(Outcome::Refused) => {}
                None | Some(Outcome::Kept) if &*wish.options != DEFAULT => {
                    let hosts = self.by_host.entry(Arc::clone(&wish.entry_point)).or_default();
                    hosts.extend(wish.hosts.iter().map(|host| (Arc::clone(host), Arc::clone(&wish.options))));
                }
                _ => by_default.push(wish),
            }
        }
        for wish in by_default {
            let Some(hosts) = self.by_host.get_mut(&wish.entry_point) else { continue };
            for host in wish.hosts.iter() {
                let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
                if wildcard.is_some_and(|wildcard| hosts.contains_key(&*wildcard)) && !hosts.contains_key(host) {
                    hosts.insert(Arc::clone(host), default_name());
                }
            }
        }
    }
}

impl Rival<'_> {
    /// The beginning of what both sides of a conflict are told.
    fn conflict(&self, host: &str, other: &Wish) -> String {
        let Wish { entry_point, options, .. } = self.wish;
        let (router, others) = (&other.router, &other.options);
        format!(
            "its TLS options {options} conflict with {others} of router {router} on host {host} of entry point {entry_point}: "
        )
    }
}
