//! Keys, signing requests and certificates: what the planner has to know of them, and their making.

pub mod chain;
pub mod csr;
mod der;
pub mod key;
mod leaf;
pub mod temporary;

#[cfg(test)]
mod tests;

pub use leaf::{Leaf, LeafError, SubjectText};
