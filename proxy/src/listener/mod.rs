//! Accepts connections: sockets, the accept loop, PROXY protocol, the first bytes.

mod accept;
mod bind;
mod entry;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub(crate) mod proxy_protocol;
mod stream;

pub use bind::{ListenError, check_apart};
pub use entry::Entry;

pub(crate) use accept::accept_loop;
pub(crate) use bind::{Socket, bind};
pub(crate) use entry::OpenConnection;
pub(crate) use stream::{ClientStream, Stream};
