//! Keys, signing requests and certificates: reading and making them.

mod asn1;
pub mod authority;
pub mod chain;
mod constraint;
pub mod csr;
mod der;
mod extension;
pub mod key;
pub(crate) mod keystore;
mod leaf;
mod name;
pub mod sign;
pub mod temporary;
mod usage;
mod verify;

#[cfg(test)]
mod tests;

pub use extension::Extension;
pub use leaf::{Leaf, LeafError, SubjectText};
