//! `NO_PROXY`: servers that are reached directly.

use ipnet::IpNet;
use std::net::IpAddr;

/// Servers that no proxy is asked for. The host `localhost` and loopback addresses are always among them.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Exceptions {
    /// `*`: all servers.
    all: bool,
    networks: Vec<IpNet>,
    addresses: Vec<(IpAddr, Option<u16>)>,
    domains: Vec<Domain>,
}

/// A domain, or names below it.
#[derive(Debug, Eq, PartialEq)]
struct Domain {
    /// With a dot at its start, in lower case.
    suffix: String,
    /// True if the domain itself is meant too.
    itself: bool,
    port: Option<u16>,
}

impl Exceptions {
    /// Reads a list of domains, addresses and networks, each but the last with a port if it has one. As in Go, what
    /// makes no sense is passed over.
    pub(super) fn parse(list: &str) -> Self {
        let mut exceptions = Self::default();
        for entry in list.split(',') {
            let entry = entry.trim().to_lowercase();
            if entry == "*" {
                exceptions.all = true;
            } else if let Ok(network) = entry.parse() {
                exceptions.networks.push(network);
            } else {
                exceptions.add(&entry);
            }
        }
        exceptions
    }

    fn add(&mut self, entry: &str) {
        let Some((host, port)) = split(entry) else { return };
        if let Ok(address) = host.parse::<IpAddr>() {
            self.addresses.push((address.to_canonical(), port));
            return;
        }
        let host = host.strip_prefix("*.").map_or_else(|| host.to_owned(), |below| format!(".{below}"));
        let domain = match host.strip_prefix('.') {
            _ if host.is_empty() => return,
            Some(_) => Domain { suffix: host, itself: false, port },
            None => Domain { suffix: format!(".{host}"), itself: true, port },
        };
        self.domains.push(domain);
    }

    /// True if the server `host:port` is reached directly; `host` is a name or an address without brackets.
    pub(super) fn contain(&self, host: &str, port: u16) -> bool {
        let on_port = |wanted: Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        if self.all || host == "localhost" {
            return true;
        }
        let Ok(address) = host.parse::<IpAddr>() else {
            let host = host.to_lowercase();
            return self.domains.iter().any(|domain| domain.contains(&host) && on_port(domain.port));
        };
        let address = address.to_canonical();
        address.is_loopback()
            || self.networks.iter().any(|network| network.contains(&address))
            || self.addresses.iter().any(|(known, port)| *known == address && on_port(*port))
    }
}

impl Domain {
    fn contains(&self, host: &str) -> bool {
        host.ends_with(&self.suffix) || (self.itself && self.suffix.get(1..) == Some(host))
    }
}

/// Host and port of `host`, `host:port`, `[address]`, `[address]:port` or an IPv6 address; `None` if the port is none.
fn split(entry: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = entry.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, Some(port.parse().ok()?))),
        _ => Some((entry, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_matched_as_in_go() {
        for (list, host, port, direct) in [
            ("", "a.test", 80, false),
            ("*", "a.test", 80, true),
            ("b.test, *", "10.0.0.1", 80, true),
            // These never go through a proxy.
            ("", "localhost", 80, true),
            ("", "127.8.8.8", 80, true),
            ("", "::1", 80, true),
            ("", "::ffff:127.0.0.1", 80, true),
            ("", "localhost.test", 80, false),
            // A name is its domain and all below; with a dot or an asterisk only what is below.
            ("a.test", "a.test", 80, true),
            ("a.test", "www.A.test", 80, true),
            ("A.TEST ", "a.test", 80, true),
            ("a.test", "aa.test", 80, false),
            (".a.test", "a.test", 80, false),
            (".a.test", "www.a.test", 80, true),
            ("*.a.test", "a.test", 80, false),
            ("*.a.test", "x.www.a.test", 80, true),
            ("www.*.test", "www.a.test", 80, false),
            (" , a.test ,", "a.test", 80, true),
            // Ports.
            ("a.test:8080", "a.test", 8080, true),
            ("a.test:8080", "a.test", 80, false),
            (".a.test:8080", "www.a.test", 8080, true),
            ("a.test:http", "a.test", 80, false),
            (":80", "a.test", 80, false),
            // Addresses and networks.
            ("10.0.0.1", "10.0.0.1", 80, true),
            ("10.0.0.1", "10.0.0.10", 80, false),
            ("10.0.0.1:8080", "10.0.0.1", 8080, true),
            ("10.0.0.1:8080", "10.0.0.1", 80, false),
            ("10.0.0.0/8", "10.200.0.1", 80, true),
            ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.0.0.0/33", "10.0.0.1", 80, false),
            ("2001:db8::1", "2001:db8::1", 80, true),
            ("[2001:db8::1]:8080", "2001:db8::1", 8080, true),
            ("[2001:db8::1]:8080", "2001:db8::1", 80, false),
            ("[2001:db8::1]", "2001:db8::1", 80, true),
            ("2001:db8::/32", "2001:db8:1::1", 80, true),
            ("2001:db8::/32", "2001:db9::1", 80, false),
            // An address is no name, and names are not resolved.
            (".0.0.1", "10.0.0.1", 80, false),
            ("10.0.0.0/8", "a.test", 80, false),
        ] {
            assert_eq!(Exceptions::parse(list).contain(host, port), direct, "{list:?} and {host}:{port}");
        }
    }
}
