use flow_model::entry_point::EntryPoint;
use flow_model::name::Name;
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of connections waiting to be accepted on each socket; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// Go's interval: dead peers are noticed and their sockets freed.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// The reason why an entry point cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is in use by another process.
    #[error("entry point {entry_point}: {address} is already in use; stop the other server or choose another address")]
    AddressInUse {
        /// The entry point.
        entry_point: Name,
        /// Its address.
        address: SocketAddr,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// The socket cannot be made or bound for another reason.
    #[error("entry point {entry_point}: cannot listen on {address}")]
    Bind {
        /// The entry point.
        entry_point: Name,
        /// Its address.
        address: SocketAddr,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// The port may be bound by privileged users only.
    #[error(
        "entry point {entry_point}: not allowed to listen on {address}; grant CAP_NET_BIND_SERVICE, lower \
         net.ipv4.ip_unprivileged_port_start, or choose a port of 1024 or more"
    )]
    Privileged {
        /// The entry point.
        entry_point: Name,
        /// Its address.
        address: SocketAddr,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// Two entry points have the same port.
    #[error("entry points {first} and {second} would both listen on {address}; give them different addresses")]
    Shared {
        /// The first one.
        first: Name,
        /// The second one.
        second: Name,
        /// The second's address.
        address: SocketAddr,
    },
    /// A worker cannot be started.
    #[error("cannot start a worker")]
    Worker(#[source] io::Error),
}

impl ListenError {
    fn new(point: &EntryPoint, address: SocketAddr, source: io::Error) -> Self {
        let entry_point = point.name.clone();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { entry_point, address, source },
            io::ErrorKind::PermissionDenied => Self::Privileged { entry_point, address, source },
            _ => Self::Bind { entry_point, address, source },
        }
    }
}

/// Finds two entry points with conflicting addresses, which sharing ports between workers would hide.
///
/// # Errors
/// The first two, as [`ListenError::Shared`].
pub fn check_apart(points: &[Arc<EntryPoint>]) -> Result<(), ListenError> {
    for (index, second) in points.iter().enumerate() {
        let (address, ip) = (second.address, second.address.ip());
        let clash = points.iter().take(index).find(|first| {
            let other = first.address.ip();
            first.address.port() == address.port() && (other == ip || other.is_unspecified() || ip.is_unspecified())
        });
        if let Some(first) = clash.filter(|_| address.port() != 0) {
            return Err(ListenError::Shared { first: first.name.clone(), second: second.name.clone(), address });
        }
    }
    Ok(())
}

/// A bound socket that does not listen yet.
pub(crate) struct Socket {
    socket: socket2::Socket,
    pub(crate) address: SocketAddr,
}

impl Socket {
    /// Accepts clients.
    pub(crate) fn listen(self, point: &EntryPoint) -> Result<std::net::TcpListener, ListenError> {
        self.socket.listen(BACKLOG).map_err(|error| ListenError::new(point, self.address, error))?;
        Ok(self.socket.into())
    }
}

/// Binds `count` sockets to one entry point's address. An unspecified IPv6 address means both families, or IPv4 alone
/// if the machine has no IPv6.
///
/// Sockets share the port by `SO_REUSEPORT`; a first one without it detects another process on the port, which sharing
/// would hide.
pub(crate) fn bind(point: &EntryPoint, count: usize) -> Result<Vec<Socket>, ListenError> {
    let mut address = point.address;
    let probe = match open(address, false) {
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() && is_no_ipv6(&error) => {
            address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            open(address, false)
        }
        other => other,
    }
    .map_err(|error| ListenError::new(point, address, error))?;
    if count == 1 {
        return Ok(vec![probe]);
    }
    address = probe.address;
    drop(probe);
    (0..count).map(|_| open(address, true).map_err(|error| ListenError::new(point, address, error))).collect()
}

fn is_no_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL | libc::EPROTONOSUPPORT))
}

/// Options set here are inherited by the accepted connections, which saves a system call each.
fn open(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(TCP_KEEPALIVE).with_interval(TCP_KEEPALIVE))?;
    socket.bind(&SockAddr::from(address))?;
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok(Socket { socket, address })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::serve::test_kit::entry_point;

    #[test]
    fn a_port_that_is_taken_is_named() {
        let first = entry_point("first");
        let sockets = bind(&first, 2).unwrap();
        let address = sockets[0].address;
        assert_eq!(sockets[1].address, address);
        let _listening: Vec<_> = sockets.into_iter().map(|socket| socket.listen(&first).unwrap()).collect();
        let point = EntryPoint { address, ..entry_point("second") };
        for count in [1, 2] {
            let error = bind(&point, count).err().unwrap();
            assert!(matches!(&error, ListenError::AddressInUse { entry_point, .. } if &**entry_point == "second"));
            assert!(error.to_string().contains(&address.to_string()), "{error}");
        }
    }

    #[test]
    fn entry_points_do_not_share_a_port() {
        let point =
            |name, address: &str| Arc::new(EntryPoint { address: address.parse().unwrap(), ..entry_point(name) });
        let (a, b) = (point("a", "127.0.0.1:80"), point("b", "[::]:80"));
        let error = check_apart(&[Arc::clone(&a), b]).unwrap_err();
        assert!(matches!(error, ListenError::Shared { first, second, .. } if &*first == "a" && &*second == "b"));
        check_apart(&[a, point("c", "127.0.0.2:80"), point("d", "127.0.0.1:0"), point("e", "127.0.0.1:0")]).unwrap();
    }

    #[test]
    fn an_empty_host_takes_both_families() {
        let point = EntryPoint { address: "[::]:0".parse().unwrap(), ..entry_point("web") };
        let socket = bind(&point, 1).unwrap().remove(0);
        let port = socket.address.port();
        let listener = socket.listen(&point).unwrap();
        listener.set_nonblocking(false).unwrap();
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        assert_eq!(peer.port(), client.local_addr().unwrap().port());
        assert!(accepted.nodelay().unwrap(), "inherited from the listening socket");
    }

    #[test]
    fn another_s_address_is_an_error() {
        let point = EntryPoint { address: "192.0.2.1:0".parse().unwrap(), ..entry_point("web") };
        assert!(matches!(bind(&point, 1), Err(ListenError::Bind { .. })));
    }
}
