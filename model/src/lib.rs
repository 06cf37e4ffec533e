//! The vocabulary of flow-proxy: dynamic configuration, rules, names, diagnostics. No I/O.
//!
//! Providers produce [`config::Config`] values; the data plane merges and compiles them; the API shows [`runtime::Runtime`].

pub mod challenge;
pub mod config;
pub mod diagnostic;
pub mod duration;
pub mod entry_point;
pub mod middleware;
pub mod name;
pub mod name_map;
pub mod rule;
pub mod runtime;
