#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

//! Tables of views and the plans for them.

mod brake;
mod budget;
mod conditions;
mod foreign;
mod ingress;
mod keystores;
mod local;
mod request;
mod scene;
mod solver;
mod window;
