//! Finds the route of a request.
//!
//! A rule's text is read by [`flow_model::rule`], compiled once into a [`CompiledRule`], and lives in a [`Route`]. A
//! [`RouteTable`] holds the routes of one entry point: one hash look-up by host, one by parent domain for wildcards,
//! and the routes without a host; within each, routes with a path are found by it. The result is always that of a
//! linear scan in order: by priority, then by precedence of the provider, then by path, then by age, then by name.

mod condition;
mod disjunct;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod host_table;
mod matcher;
mod path_index;
mod query;
mod route;
mod rule;
mod table;
mod view;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

pub use route::Route;
pub use rule::CompiledRule;
pub use table::RouteTable;
pub use view::RequestView;
pub(crate) use view::canonical_host;
