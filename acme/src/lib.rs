//! Certificates over ACME: planner, protocol, challenges, and their state.
//!
//! ```text
//!   Store ──view──▶ planner::plan (pure) ──▶ Plan { steps, calls, wake }
//!     ▲                                        │        │
//!     └──────────── writes ◀───── engine ◀─────┴────────┘
//!                                   │  ▲
//!                        calls      ▼  │ outcomes
//!                                client::… ──▶ CA ──▶ http01::ChallengeTable (every replica)
//! ```
//!
//! Only the leader talks to the CA. All of its state is in a [`store::Store`], so that the next leader can resume at
//! any step. [`planner::plan`] is pure: it takes a view and the time, and returns the writes and the calls to the CA;
//! [`engine`] carries them out. Every replica answers challenges from its [`http01::ChallengeTable`].
//!
//! From a view to a plan: a new issuer needs an account, and that a key.
//! ```
//! use flow_acme::planner::{Call, Settings, View, plan};
//! use std::sync::Arc;
//!
//! let now = "2026-11-01T00:00:00Z".parse().expect("a time");
//! assert!(plan(&View::default(), &Settings::default(), now).calls.is_empty(), "nothing to do");
//!
//! let issuer: flow_acme::objects::Issuer = serde_json::from_value(serde_json::json!({
//!     "metadata": {"name": "letsencrypt", "uid": "1", "generation": 1},
//!     "spec": {"acme": {"server": "https://ca.test/directory", "email": "ops@shop.test",
//!         "privateKeySecretRef": {"name": "account"}, "solvers": [{"http01": {"ingress": {}}}]}},
//! })).expect("an issuer");
//! let mut view = View::default();
//! view.issuers.insert(flow_acme::objects::Key::new("", "letsencrypt"), Arc::new(issuer));
//! let plan = plan(&view, &Settings::default(), now);
//! assert!(matches!(plan.calls.as_slice(), [Call::AccountKey { issuer }] if issuer.name == "letsencrypt"));
//! ```

pub mod account;
pub mod ca;
pub mod client;
mod cron;
pub mod dns_persist;
pub mod engine;
pub mod http01;
pub mod names;
mod no_verification;
pub mod objects;
pub mod planner;
pub mod resolvers;
pub mod shrink;
pub mod store;
mod view;
pub mod x509;
