//! PROXY protocol, versions 1 and 2 (haproxy's `proxy-protocol.txt`): the client's address behind a load balancer.

use super::Stream;
use flow_model::entry_point::ProxyProtocol;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

const V1_SIGNATURE: &[u8] = b"PROXY ";
/// The longest line, its end included (section 2.1).
const V1_MAX: usize = 107;
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_FIXED: usize = 16;

/// Client and local address from a header; `None` if it has none (`UNKNOWN`, `LOCAL`, other families).
pub(crate) type Addresses = Option<(SocketAddr, SocketAddr)>;

/// The result of parsing a connection's first bytes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Parsed {
    /// No header.
    Absent,
    /// A header of this length in bytes.
    Header(usize, Addresses),
    /// More bytes are needed.
    Incomplete,
    /// It begins like a header but is invalid.
    Malformed,
}

/// Reads a header, if there is one, from the front of `stream`. Only peers trusted by `rules` are believed; the headers
/// of others are skipped, as in Traefik.
pub(crate) async fn accept(stream: &mut Stream, peer: SocketAddr, rules: &ProxyProtocol) -> io::Result<Addresses> {
    let address = peer.ip().to_canonical();
    let trusted = rules.insecure || rules.trusted.iter().any(|net| net.contains(&address));
    loop {
        match parse(stream.peeked()) {
            Parsed::Absent => return Ok(None),
            Parsed::Header(length, addresses) => {
                stream.skip(length);
                return Ok(addresses.filter(|_| trusted));
            }
            Parsed::Incomplete => {
                if !stream.peek_more().await? {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Parsed::Malformed => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "malformed PROXY protocol header"));
            }
        }
    }
}

/// Parses the first bytes of a connection.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    if bytes.starts_with(V1_SIGNATURE) {
        parse_v1(bytes)
    } else if bytes.starts_with(V2_SIGNATURE) {
        parse_v2(bytes)
    } else if V1_SIGNATURE.starts_with(bytes) || V2_SIGNATURE.starts_with(bytes) {
        Parsed::Incomplete
    } else {
        Parsed::Absent
    }
}

fn parse_v1(bytes: &[u8]) -> Parsed {
    let window = &bytes[..bytes.len().min(V1_MAX)];
    let Some(end) = memchr::memmem::find(window, b"\r\n") else {
        return if bytes.len() < V1_MAX { Parsed::Incomplete } else { Parsed::Malformed };
    };
    let Ok(line) = std::str::from_utf8(&window[V1_SIGNATURE.len()..end]) else { return Parsed::Malformed };
    let fields: Vec<&str> = line.split(' ').collect();
    let addresses = match fields[..] {
        ["UNKNOWN", ..] => Some(None),
        ["TCP4", source, target, from, to] => both::<Ipv4Addr>(source, target, from, to),
        ["TCP6", source, target, from, to] => both::<Ipv6Addr>(source, target, from, to),
        _ => None,
    };
    addresses.map_or(Parsed::Malformed, |addresses| Parsed::Header(end + 2, addresses))
}

fn both<A: FromStr + Into<IpAddr>>(source: &str, target: &str, from: &str, to: &str) -> Option<Addresses> {
    let address = |ip: &str, port: &str| -> Option<SocketAddr> {
        Some(SocketAddr::new(ip.parse::<A>().ok()?.into(), port.parse().ok()?))
    };
    Some(Some((address(source, from)?, address(target, to)?)))
}

fn parse_v2(bytes: &[u8]) -> Parsed {
    let Some((&[.., command, family, high, low], rest)) = bytes.split_first_chunk::<V2_FIXED>() else {
        return Parsed::Incomplete;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let Some(body) = rest.get(..length) else { return Parsed::Incomplete };
    let addresses = match (command, family) {
        // LOCAL: the balancer's own connection.
        (0x20, _) => None,
        (0x21, 0x11) => match body.first_chunk::<12>() {
            Some(&[a, b, c, d, e, f, g, h, from @ .., i, j]) => {
                let ports = (u16::from_be_bytes(from), u16::from_be_bytes([i, j]));
                let ips = (Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h));
                Some((SocketAddr::from((ips.0, ports.0)), SocketAddr::from((ips.1, ports.1))))
            }
            None => return Parsed::Malformed,
        },
        (0x21, 0x21) => {
            let (Some((source, rest)), Some(_)) = (body.split_first_chunk::<16>(), body.get(35)) else {
                return Parsed::Malformed;
            };
            let Some((target, &[a, b, c, d, ..])) = rest.split_first_chunk::<16>() else { return Parsed::Malformed };
            let (from, to) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            Some(((Ipv6Addr::from(*source), from).into(), (Ipv6Addr::from(*target), to).into()))
        }
        (0x21, _) => None,
        _ => return Parsed::Malformed,
    };
    Parsed::Header(V2_FIXED + length, addresses)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [V2_SIGNATURE, &[command, family], &length, body].concat()
    }

    #[test]
    fn reads_version_1() {
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n";
        let wanted = Some((address("192.0.2.1:1000"), address("192.0.2.2:443")));
        assert_eq!(parse(&[line.as_slice(), b"GET"].concat()), Parsed::Header(line.len(), wanted));
        let line = b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n";
        assert_eq!(parse(line), Parsed::Header(line.len(), Some((address("[2001:db8::1]:1"), address("[::1]:2")))));
        assert_eq!(parse(b"PROXY UNKNOWN\r\n"), Parsed::Header(15, None));
        assert_eq!(parse(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), Parsed::Header(35, None));
    }

    #[test]
    fn reads_version_2() {
        let body = [192, 0, 2, 1, 192, 0, 2, 2, 0x10, 0, 1, 187, 4, 0, 1, 9];
        let wanted = Some((address("192.0.2.1:4096"), address("192.0.2.2:443")));
        assert_eq!(parse(&v2(0x21, 0x11, &body)), Parsed::Header(32, wanted), "extensions are passed over");
        let mut body = [0; 36];
        (body[15], body[31], body[33], body[35]) = (1, 2, 3, 4);
        assert_eq!(parse(&v2(0x21, 0x21, &body)), Parsed::Header(52, Some((address("[::1]:3"), address("[::2]:4")))));
        assert_eq!(parse(&v2(0x20, 0, &[])), Parsed::Header(16, None));
        assert_eq!(parse(&v2(0x21, 0x31, &[0; 216])), Parsed::Header(232, None), "unix sockets name nobody");
    }

    #[test]
    fn tells_nothing_too_early() {
        for whole in [b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n".to_vec(), v2(0x21, 0x11, &[1; 12])] {
            for end in 0..whole.len() {
                assert_eq!(parse(&whole[..end]), Parsed::Incomplete, "{end}");
            }
        }
        for other in ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\n", "POST", "PROX/", "\r\n\r\nGET", "\u{16}"] {
            assert_eq!(parse(other.as_bytes()), Parsed::Absent, "{other:?}");
        }
    }

    #[test]
    fn refuses_what_only_begins_well() {
        for line in [
            "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 70000\r\n",
            "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY \r\n",
        ] {
            assert_eq!(parse(line.as_bytes()), Parsed::Malformed, "{line:?}");
        }
        assert_eq!(parse(&[b"PROXY ".as_slice(), &[b'x'; 101]].concat()), Parsed::Malformed, "no end in sight");
        assert_eq!(parse(&v2(0x21, 0x11, &[0; 11])), Parsed::Malformed);
        assert_eq!(parse(&v2(0x21, 0x21, &[0; 35])), Parsed::Malformed);
        assert_eq!(parse(&v2(0x22, 0x11, &[0; 12])), Parsed::Malformed);
        assert_eq!(parse(&v2(0x11, 0x11, &[0; 12])), Parsed::Malformed);
    }
}
