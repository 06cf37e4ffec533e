//! Certificates over ACME: planner, protocol, challenges, and their state.
//!
//! One leader speaks to the CA; all that it knows lives in a [`store::Store`], so that the next leader resumes at any
//! step. [`planner::plan`] is pure: from a view and the time it says what to write and what to ask; [`engine`] does
//! it. Every replica answers challenges from its [`http01::ChallengeTable`].

pub mod account;
mod anybody;
pub mod ca;
pub mod client;
pub mod engine;
pub mod http01;
pub mod names;
pub mod objects;
pub mod planner;
pub mod resolvers;
pub mod store;
pub mod x509;
