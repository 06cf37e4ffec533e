//! The address of an entry point, and the target of its redirection.

use super::schema::{Scalar, choice};
use serde_json::Value as Json;
use std::fmt;
use std::net::IpAddr;

choice! {
    /// The transport protocol of an entry point.
    Protocol = Tcp {
        /// TCP.
        Tcp = "tcp";
        /// UDP.
        Udp = "udp";
    }
}

/// Traefik's `[host]:port[/tcp|/udp]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Address {
    /// An IP address (IPv6 without brackets) or a host name; empty for every address of the machine.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// TCP unless `/udp` was written.
    pub protocol: Protocol,
}

impl Address {
    /// A TCP port on every address of the machine.
    #[must_use]
    pub const fn any(port: u16) -> Self {
        Self { host: String::new(), port, protocol: Protocol::Tcp }
    }

    /// True if both cannot listen at once: same port and protocol, and the same host or one of them on every address.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let everywhere =
            |host: &str| host.is_empty() || host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        self.port != 0
            && (self.port, self.protocol) == (other.port, other.protocol)
            && (self.host == other.host || everywhere(&self.host) || everywhere(&other.host))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, protocol } = self;
        if host.contains(':') {
            write!(f, "[{host}]")?
        } else {
            f.write_str(host)?
        }
        write!(f, ":{port}")?;
        match protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp => f.write_str("/udp"),
        }
    }
}

impl Scalar for Address {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("takes [host]:port[/tcp|/udp], such as :8443 or 127.0.0.1:8080/tcp, not {text:?}");
        let (socket, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = Protocol::parse(protocol)?;
        let (host, port) = socket.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let valid = match bare {
            Some(bare) => bare.contains(':') && bare.parse::<IpAddr>().is_ok(),
            None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
        };
        if !valid {
            return Err(wrong());
        }
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port, protocol })
    }

    fn show(&self) -> Json {
        self.to_string().into()
    }
}

/// The target of a redirection of a whole entry point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RedirectTarget {
    /// Another entry point: its listening port.
    EntryPoint(String),
    /// A port, written `:443`.
    Port(u16),
}

impl Default for RedirectTarget {
    fn default() -> Self {
        Self::EntryPoint(String::new())
    }
}

impl fmt::Display for RedirectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntryPoint(name) => f.write_str(name),
            Self::Port(port) => write!(f, ":{port}"),
        }
    }
}

impl Scalar for RedirectTarget {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix(':') {
            Some(port) => port
                .parse()
                .map(Self::Port)
                .map_err(|_| format!("takes the name of an entry point or a port such as :443, not {text:?}")),
            None if text.is_empty() => Err("takes the name of an entry point or a port such as :443".to_owned()),
            None => Ok(Self::EntryPoint(text.to_owned())),
        }
    }

    fn show(&self) -> Json {
        self.to_string().into()
    }
}
