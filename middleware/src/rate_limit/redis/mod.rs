//! Buckets that several replicas share, in Redis or Valkey.
//!
//! `script` is the arithmetic, one call for each request; `link` keeps the connections; `settings` says how to connect.
//! A request about which Redis does not answer in time is counted by this replica alone, or refused if the configuration
//! says so.

mod link;
mod script;
mod settings;
#[cfg(test)]
pub(super) mod tests;

use super::bucket::{Decision, Rate};
use crate::MiddlewareError;
use flow_model::middleware as spec;
use flow_model::name::Name;
use link::Link;
use settings::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static UNANSWERED: AtomicU64 = AtomicU64::new(0);

/// Returns the number of requests whose rate limit got no answer from its Redis, in this process.
#[must_use]
pub fn unanswered() -> u64 {
    UNANSWERED.load(Ordering::Relaxed)
}

/// The buckets of one middleware in Redis.
#[derive(Debug)]
pub(super) struct Shared {
    name: Name,
    link: Arc<Link>,
    /// True if a request is refused where Redis does not answer.
    denies: bool,
}

/// A question to Redis, about one request.
pub(crate) struct Question<'a> {
    shared: &'a Shared,
    rate: Rate,
    /// The bucket, as Traefik names it.
    key: String,
}

/// The answer to a question.
pub(crate) enum Answer {
    /// Redis has decided.
    Decided(Decision),
    /// Redis did not answer: this replica has to decide alone.
    Alone,
}

impl Shared {
    pub(super) fn new(spec: &spec::Redis, name: &Name) -> Result<Self, MiddlewareError> {
        let settings = Settings::new(spec).map_err(|error| MiddlewareError::Redis(error.to_string()))?;
        Ok(Self { name: Arc::clone(name), link: Link::new(settings), denies: spec.deny_on_error })
    }

    pub(super) fn question(&self, rate: Rate, source: &str) -> Question<'_> {
        Question { shared: self, rate, key: format!("rate:{}:{source}", self.name) }
    }
}

impl Question<'_> {
    /// Asks Redis, for at most the configured time.
    pub(crate) async fn ask(self) -> Answer {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        match self.shared.link.wait(&self.key, &self.rate, now).await {
            Some(wait) => Answer::Decided(self.rate.decide(wait)),
            None => {
                UNANSWERED.fetch_add(1, Ordering::Relaxed);
                if self.shared.denies { Answer::Decided(Decision::Unknown) } else { Answer::Alone }
            }
        }
    }
}
