//! Certificates over ACME: planner, protocol, challenges, and their state.
//!
//! Only the leader talks to the CA. All of its state is in a [`store::Store`], so that the next leader can resume at
//! any step. [`planner::plan`] is pure: it takes a view and the time, and returns the writes and the calls to the CA;
//! [`engine`] carries them out. Every replica answers challenges from its [`http01::ChallengeTable`].

pub mod account;
pub mod ca;
pub mod client;
pub mod engine;
pub mod http01;
pub mod names;
mod no_verification;
pub mod objects;
pub mod planner;
pub mod resolvers;
pub mod store;
pub mod x509;
