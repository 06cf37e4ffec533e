//! Which TLS options a connection gets: chosen by the server name before any request is seen.
//!
//! As in Traefik, every host in the rules of an entry point's TLS routers stands for those routers' options. Where
//! routers of one host disagree, none of them gets its way: all fall back to the default options. A router without a
//! host cannot have options of its own either.

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
    /// Hosts of its rule, in lower case.
    pub(crate) hosts: Arc<[Name]>,
    /// Qualified name of its options.
    pub(crate) options: Name,
}

/// A map with names as keys.
pub(crate) type ByName<T> = HashMap<Name, T, foldhash::fast::RandomState>;

/// What came of the wishes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// For each entry point: host → name of the options, only where they are not the default ones.
    pub(crate) by_host: ByName<ByName<Name>>,
    /// Routers and the entry points on which their options cannot be used.
    pub(crate) conflicted: ByName<Vec<Name>>,
}

/// Settles the wishes. Where nobody wishes for anything but the default options there is nothing to settle.
pub(crate) fn choose(wishes: &[Wish]) -> Choice {
    let mut choice = Choice::default();
    if wishes.iter().all(|wish| &*wish.options == DEFAULT) {
        return choice;
    }
    let mut contested: HashMap<(&str, &str), (), foldhash::fast::RandomState> = HashMap::default();
    for wish in wishes {
        let by_host = choice.by_host.entry(Arc::clone(&wish.entry_point)).or_default();
        for host in wish.hosts.iter() {
            let first = by_host.entry(Arc::clone(host)).or_insert_with(|| Arc::clone(&wish.options));
            if *first != wish.options {
                contested.insert((&wish.entry_point, host), ());
            }
        }
    }
    for wish in wishes {
        let hostless = wish.hosts.is_empty() && &*wish.options != DEFAULT;
        if hostless || wish.hosts.iter().any(|host| contested.contains_key(&(&*wish.entry_point, &**host))) {
            choice.conflicted.entry(Arc::clone(&wish.router)).or_default().push(Arc::clone(&wish.entry_point));
        }
    }
    for (entry_point, hosts) in &mut choice.by_host {
        hosts.retain(|host, options| &**options != DEFAULT && !contested.contains_key(&(&**entry_point, &**host)));
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(router: &str, hosts: &[&str], options: &str) -> Wish {
        Wish {
            entry_point: "web".into(),
            router: router.into(),
            hosts: hosts.iter().map(|h| Name::from(*h)).collect(),
            options: options.into(),
        }
    }

    #[test]
    fn routers_that_agree_get_their_options() {
        let choice =
            choose(&[wish("a", &["x", "y"], "strict@kubernetescrd"), wish("b", &["x"], "strict@kubernetescrd")]);
        assert_eq!(choice.by_host["web"].get("x").map(|n| &**n), Some("strict@kubernetescrd"));
        assert!(choice.conflicted.is_empty());
    }

    #[test]
    fn routers_that_disagree_all_fall_back() {
        let choice = choose(&[
            wish("a", &["x"], "strict@kubernetescrd"),
            wish("b", &["x"], DEFAULT),
            wish("c", &["z"], "own@file"),
        ]);
        assert_eq!(choice.by_host["web"].get("x"), None);
        assert_eq!(choice.by_host["web"].get("z").map(|n| &**n), Some("own@file"));
        assert_eq!(choice.conflicted.len(), 2);
    }

    #[test]
    fn a_router_without_host_has_no_options_of_its_own() {
        let choice = choose(&[wish("a", &[], "strict@kubernetescrd"), wish("b", &[], DEFAULT)]);
        assert!(choice.conflicted.contains_key("a") && !choice.conflicted.contains_key("b"));
    }
}
