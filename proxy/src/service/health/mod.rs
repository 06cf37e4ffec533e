//! The health of servers: checks at intervals, and the failures of clients' requests.
//!
//! A [`Probe`] is the task that checks one server. Services that check a server in the same way share it, so that a
//! server is asked once however many routes lead to it, and it ends with the last of them.

mod check;
mod grpc;
mod location;
mod passive;
mod probe;
mod probes;
mod request;
mod table;
#[cfg(test)]
mod tests;

pub use check::{Check, InvalidCheck};
pub(super) use passive::{Limit, Passive};
pub use probe::Probe;
pub(crate) use probes::Probes;
pub(crate) use table::HealthTable;
