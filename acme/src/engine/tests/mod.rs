#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

//! The engine against a CA and a store in memory: both can die at any step, and the store's watches lag.

mod ca;
mod crash;
mod incremental;
mod local;
mod refusal;
mod store;
mod world;
