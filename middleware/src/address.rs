//! The address that a request came from (`ipStrategy`), and lists of addresses.

use crate::{Exchange, MiddlewareError};
use flow_model::middleware::IpStrategy;
use http::header::HeaderName;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The way to find the client's address.
#[derive(Debug)]
pub(crate) enum Strategy {
    /// The nth from the right of `X-Forwarded-For`, whose lines are joined by then.
    Depth(usize, Option<u8>),
    /// The first from the right that is in none of these networks; without it, the peer's, if that is in none either.
    Excluding(Networks, Option<u8>),
    /// The peer's address.
    Peer(Option<u8>),
}

/// The result of a strategy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Client<'a> {
    /// An address.
    Address(IpAddr),
    /// A text that is not an address or was not parsed; possibly empty.
    Text(&'a str),
    /// A host name; letter case does not matter.
    Host(&'a str),
}

impl Strategy {
    /// # Errors
    /// `Subnet` for a bad prefix length, `Network` for a bad excluded address.
    pub(crate) fn new(spec: Option<&IpStrategy>) -> Result<Self, MiddlewareError> {
        let Some(spec) = spec else { return Ok(Self::Peer(None)) };
        if let Some(bits) = spec.ipv6_subnet
            && !(1..=128).contains(&bits)
        {
            return Err(MiddlewareError::Subnet(bits));
        }
        Ok(match spec {
            spec if spec.depth > 0 => Self::Depth(spec.depth, spec.ipv6_subnet),
            spec if !spec.excluded_ips.is_empty() => {
                Self::Excluding(Networks::new(&spec.excluded_ips)?, spec.ipv6_subnet)
            }
            spec => Self::Peer(spec.ipv6_subnet),
        })
    }

    /// The client of `exchange`, for middlewares that let only some clients pass: an empty text if it is unknown.
    pub(crate) fn client<'a>(&self, exchange: &'a Exchange) -> Client<'a> {
        match self {
            Self::Depth(depth, subnet) => {
                let text = forwarded_for(exchange).rsplit(',').nth(depth - 1).unwrap_or_default().trim();
                match subnet.and_then(|bits| Some(masked(text.parse().ok()?, bits))) {
                    Some(address) => Client::Address(address),
                    None => Client::Text(text),
                }
            }
            Self::Excluding(networks, _) => {
                let is_excluded = |hop: &&str| address_in(hop).is_some_and(|address| networks.contains(address));
                let mut hops = hops(exchange).peekable();
                if hops.peek().is_none() {
                    // No proxy added `X-Forwarded-For`: the peer is the client, unless it is itself an excluded proxy.
                    return match peer(exchange, None) {
                        Client::Address(address) if networks.contains(address) => Client::Text(""),
                        peer => peer,
                    };
                }
                Client::Text(hops.find(|hop| !is_excluded(hop)).unwrap_or_default())
            }
            Self::Peer(subnet) => peer(exchange, *subnet),
        }
    }

    /// The client of `exchange`, for middlewares that count: never empty, so that unidentified clients do not share one
    /// count. An address is the same with and without a port.
    pub(crate) fn source<'a>(&self, exchange: &'a Exchange) -> Client<'a> {
        let (Self::Depth(_, subnet) | Self::Excluding(_, subnet) | Self::Peer(subnet)) = self;
        let text = match self.client(exchange) {
            // The rightmost hop was added by a trusted proxy, unlike those before it.
            Client::Text("") if matches!(self, Self::Excluding(..)) => hops(exchange).next(),
            Client::Text(text) => Some(text).filter(|text| !text.is_empty()),
            found => return found,
        };
        match text {
            None => peer(exchange, *subnet),
            Some(text) => match address_in(text) {
                Some(address) => Client::Address(subnet.map_or(address, |bits| masked(address, bits)).to_canonical()),
                None => Client::Text(text),
            },
        }
    }
}

/// The name of a bucket that several replicas share: equal sources have equal names.
impl fmt::Display for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Host(host) => f.write_str(&host.to_ascii_lowercase()),
        }
    }
}

impl Client<'_> {
    /// The address; a port behind it is ignored.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Text(text) => address_in(text),
            Self::Host(_) => None,
        }
    }
}

/// Parses an address; a port behind it is ignored.
fn address_in(text: &str) -> Option<IpAddr> {
    parse(text).or_else(|| parse(without_port(text)?))
}

fn peer(exchange: &Exchange, subnet: Option<u8>) -> Client<'_> {
    let address = exchange.connection.remote.ip().to_canonical();
    Client::Address(subnet.map_or(address, |bits| masked(address, bits)))
}

/// The hops of `X-Forwarded-For`, from the right.
fn hops(exchange: &Exchange) -> impl Iterator<Item = &str> {
    forwarded_for(exchange).rsplit(',').map(str::trim).filter(|hop| !hop.is_empty())
}

/// Addresses and networks.
#[derive(Debug)]
pub(crate) struct Networks(Box<[IpNet]>);

impl Networks {
    /// # Errors
    /// `Network` if a text is neither an address nor a network.
    pub(crate) fn new(texts: &[String]) -> Result<Self, MiddlewareError> {
        let network = |text: &String| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map(canonical).map_err(|_| MiddlewareError::Network(text.clone()))
        };
        Ok(Self(texts.iter().map(network).collect::<Result<_, _>>()?))
    }

    /// True if one of the networks contains `address`.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Turns IPv4-mapped IPv6 into IPv4.
fn canonical(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => v6
            .addr()
            .to_ipv4_mapped()
            .and_then(|v4| Ipv4Net::new(v4, v6.prefix_len() - 96).ok())
            .map_or(network, IpNet::V4),
        _ => network,
    }
}

fn forwarded_for(exchange: &Exchange) -> &str {
    exchange.head.headers.get(FORWARDED_FOR).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Net::new(v6, bits).map_or(Ipv6Addr::UNSPECIFIED, |net| net.network())),
        IpAddr::V4(_) => address,
    }
}

/// Parses an address; an IPv6 zone is allowed, as in Go.
fn parse(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => text.parse().ok(),
    }
}

/// The host of `host:port`, split as by Go's `net.SplitHostPort`.
pub(crate) fn without_port(text: &str) -> Option<&str> {
    let (host, _) = text.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']'),
        None => (!host.contains(':')).then_some(host),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{exchange, from, with};

    fn strategy(spec: &str) -> Strategy {
        Strategy::new(Some(&serde_json::from_str(spec).unwrap())).unwrap()
    }

    fn seen(spec: &str, forwarded_for: &str) -> String {
        let exchange =
            with(exchange("GET", "/"), &[("x-forwarded-for", forwarded_for), ("x-forwarded-for", "9.9.9.9")]);
        match strategy(spec).client(&exchange) {
            Client::Address(address) => address.to_string(),
            Client::Text(text) | Client::Host(text) => text.to_owned(),
        }
    }

    #[test]
    fn finds_the_client_from_the_right() {
        for (spec, forwarded_for, wanted) in [
            ("{}", "1.1.1.1", "127.0.0.1"),
            (r#"{"depth": 1}"#, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
            (r#"{"depth": 2}"#, "1.1.1.1,2.2.2.2 ", "1.1.1.1"),
            (r#"{"depth": 3}"#, "1.1.1.1, 2.2.2.2", ""),
            (r#"{"depth": 1, "ipv6Subnet": 64}"#, "2001:db8:1:2:3::4", "2001:db8:1:2::"),
            (r#"{"depth": 1, "ipv6Subnet": 64}"#, "1.1.1.1", "1.1.1.1"),
            (r#"{"excludedIPs": ["2.2.0.0/16", "::1"]}"#, "1.1.1.1, 3.3.3.3, 2.2.9.9, ::1", "3.3.3.3"),
            (r#"{"excludedIPs": ["2.2.0.0/16"]}"#, "2.2.2.2", ""),
            (r#"{"excludedIPs": ["2.2.0.0/16"]}"#, "not one, 2.2.2.2", "not one"),
        ] {
            assert_eq!(seen(spec, forwarded_for), wanted, "{spec} {forwarded_for}");
        }
    }

    #[test]
    fn without_hops_the_peer_is_the_client_unless_it_is_a_proxy() {
        let strategy = strategy(r#"{"excludedIPs": ["10.0.0.0/24"]}"#);
        for (peer, forwarded_for, client, source) in [
            ("192.0.2.7:1", "", "192.0.2.7", "192.0.2.7"),
            ("10.0.0.1:1", "", "", "10.0.0.1"),
            ("10.0.0.1:1", "192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("10.0.0.1:1", "10.0.0.9, 10.0.0.2", "", "10.0.0.2"),
            ("10.0.0.1:1", "192.0.2.7, 10.0.0.2:8080", "192.0.2.7", "192.0.2.7"),
        ] {
            let exchange = with(from(peer, "GET", "/"), &[("x-forwarded-for", forwarded_for)]);
            let text = |found: Client<'_>| match found {
                Client::Address(address) => address.to_string(),
                Client::Text(text) | Client::Host(text) => text.to_owned(),
            };
            assert_eq!(text(strategy.client(&exchange)), client, "{peer} {forwarded_for}");
            assert_eq!(text(strategy.source(&exchange)), source, "{peer} {forwarded_for}");
        }
        assert_eq!(strategy.client(&from("192.0.2.7:1", "GET", "/")), Client::Address("192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn sources_are_told_apart_and_their_ports_are_not() {
        for (spec, forwarded_for, wanted) in [
            (r#"{"depth": 1}"#, "192.0.2.7:4711", "192.0.2.7"),
            (r#"{"depth": 1}"#, "[2001:db8::1]:4711", "2001:db8::1"),
            (r#"{"depth": 2}"#, "192.0.2.7", "198.51.100.1"),
            (r#"{"depth": 2, "ipv6Subnet": 64}"#, "2001:db8:1:2:3::4, x", "2001:db8:1:2::"),
            (r#"{"excludedIPs": ["10.0.0.0/8"], "ipv6Subnet": 64}"#, "2001:db8:1:2:3::4, 10.0.0.1", "2001:db8:1:2::"),
            (r#"{"excludedIPs": ["10.0.0.0/8"]}"#, "::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            let exchange = with(from("198.51.100.1:1", "GET", "/"), &[("x-forwarded-for", forwarded_for)]);
            let wanted = Client::Address(wanted.parse().unwrap());
            assert_eq!(strategy(spec).source(&exchange), wanted, "{spec} {forwarded_for}");
        }
    }

    #[test]
    fn the_peer_may_be_taken_by_its_network() {
        let strategy = strategy(r#"{"ipv6Subnet": 48}"#);
        let wanted = Client::Address("2001:db8:7::".parse().unwrap());
        assert_eq!(strategy.client(&from("[2001:db8:7:8::9]:1", "GET", "/")), wanted);
        let mapped = from("[::ffff:10.0.0.1]:1", "GET", "/");
        assert_eq!(strategy.client(&mapped), Client::Address("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_port_or_a_zone_behind_an_address_is_no_part_of_it() {
        for (text, wanted) in [
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("[::1]:80", Some("::1")),
            ("::1", Some("::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("1.2.3.4%x", None),
            ("", None),
            ("name:80", None),
        ] {
            assert_eq!(Client::Text(text).address(), wanted.map(|a| a.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn networks_hold_addresses_in_both_forms() {
        let networks =
            Networks::new(&["10.1.2.3/8".to_owned(), "2001:db8::1".to_owned(), "::ffff:192.168.0.0/112".to_owned()]);
        let networks = networks.unwrap();
        for (address, inside) in [
            ("10.9.9.9", true),
            ("::ffff:10.0.0.1", true),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("192.168.1.1", true),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(Networks::new(&["10.0.0.0/33".to_owned()]).is_err());
        let spec: IpStrategy = serde_json::from_str(r#"{"ipv6Subnet": 129}"#).unwrap();
        assert!(Strategy::new(Some(&spec)).is_err());
    }
}
