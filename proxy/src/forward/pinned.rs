//! Connections to backends that belong to the connection of one client.
//!
//! NTLM and Negotiate (RFC 4559) authenticate a connection instead of a request: the steps of a login have to come over
//! the same one, and nobody else may use it afterwards. So a connection over which a backend asks for one of them is
//! never put back into the pool: it waits for this client's next request, and ends with the client's connection.

use super::endpoint::Endpoint;
use super::endpoint::http1::Http1;
use crate::connection_fields::tokens;
use flow_middleware::Connection;
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use parking_lot::Mutex;
use std::fmt;
use std::sync::{Arc, Weak};

/// The connections that belong to one client's, while they wait for a request.
#[derive(Default)]
pub(super) struct PinnedConnections(Mutex<Vec<(Weak<Endpoint>, Box<Http1>)>>);

impl PinnedConnections {
    /// Those of the client's `connection`; `None` until a backend asked for such a login.
    pub(super) fn of(connection: &Connection) -> Option<Arc<Self>> {
        Arc::clone(connection.attached.get()?).downcast().ok()
    }

    /// Those of the client's `connection`, from now on.
    pub(super) fn begin(connection: &Connection) -> Option<Arc<Self>> {
        Arc::clone(connection.attached.get_or_init(|| Arc::new(Self::default()))).downcast().ok()
    }

    /// A connection to `endpoint` that is still alive.
    pub(super) fn take(&self, endpoint: &Arc<Endpoint>) -> Option<Box<Http1>> {
        loop {
            let mut waiting = self.0.lock();
            let index = waiting.iter().position(|(of, _)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(endpoint)))?;
            let (_, mut connection) = waiting.swap_remove(index);
            drop(waiting);
            if connection.is_alive() {
                return Some(connection);
            }
        }
    }

    /// Keeps `connection` for the client's next request.
    pub(super) fn keep(&self, endpoint: &Arc<Endpoint>, connection: Box<Http1>) {
        let mut waiting = self.0.lock();
        // Those of servers that are gone are of no use any more.
        let gone: Vec<_> = waiting.extract_if(.., |(of, _)| of.strong_count() == 0).collect();
        waiting.push((Arc::downgrade(endpoint), connection));
        drop(waiting);
        drop(gone);
    }
}

impl fmt::Debug for PinnedConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PinnedConnections").field(&self.0.lock().len()).finish()
    }
}

/// True if a backend asks for a login that holds for its connection.
pub(super) fn asks_for_login(headers: &HeaderMap) -> bool {
    let schemes = headers.get_all(WWW_AUTHENTICATE).iter().flat_map(|value| tokens(value.as_bytes()));
    schemes
        .filter_map(|challenge| challenge.split(|byte| *byte == b' ').next())
        .any(|scheme| scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn logins_of_connections_are_recognised() {
        for (values, asks) in [
            (&["NTLM"][..], true),
            (&["Negotiate"], true),
            (&["negotiate oYIBvzCC=="], true),
            (&["Basic realm=\"NTLM\"", "NTLM TlRMTVNTUAAC"], true),
            (&["Negotiate, NTLM"], true),
            (&[], false),
            (&["Basic realm=\"NTLM\""], false),
            (&["NTLMv2"], false),
            (&["Bearer, Digest"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
            }
            assert_eq!(asks_for_login(&headers), asks, "{values:?}");
        }
    }
}
