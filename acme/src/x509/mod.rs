//! Keys, signing requests and certificates: reading and making them.

pub mod chain;
pub mod csr;
mod der;
pub mod key;
mod leaf;
pub mod temporary;

#[cfg(test)]
mod tests;

pub use leaf::{Leaf, LeafError, SubjectText};
