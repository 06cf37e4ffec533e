#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

//! Tables: what the planner says of a view.

mod brake;
mod conditions;
mod foreign;
mod ingress;
mod memo;
mod request;
mod scene;
mod solver;
