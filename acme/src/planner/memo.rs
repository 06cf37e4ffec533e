//! What nothing was to be done for, so that ten thousand certificates are not looked at for the sake of one.

use super::Plan;
use crate::names::spread;
use crate::objects::{Certificate, CertificateRequest, Issuer, Key, Secret};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// Every certificate is looked at again after this many seconds at the latest, and up to twice as many.
const LONGEST: u64 = 60;

/// Certificates for which nothing was to be done, with what that was seen from. A plan follows from the view and the
/// time alone: this only saves the work of finding the same again.
#[derive(Debug, Default)]
pub struct Memo {
    calm: HashMap<Key, Calm>,
}

#[derive(Debug)]
struct Calm {
    seen: Seen,
    until: Timestamp,
    wake: Option<Timestamp>,
}

/// What a look at a certificate reads.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) certificate: Arc<Certificate>,
    pub(super) secret: Option<Arc<Secret>>,
    pub(super) requests: Vec<Arc<CertificateRequest>>,
    pub(super) issuer: Option<Arc<Issuer>>,
    /// Another Certificate fills the Secret.
    pub(super) outranked: Option<Arc<Certificate>>,
}

impl Seen {
    fn is_same(&self, other: &Self) -> bool {
        fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            match (one, other) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (None, None) => true,
                _ => false,
            }
        }
        Arc::ptr_eq(&self.certificate, &other.certificate)
            && same(self.secret.as_ref(), other.secret.as_ref())
            && same(self.issuer.as_ref(), other.issuer.as_ref())
            && same(self.outranked.as_ref(), other.outranked.as_ref())
            && self.requests.len() == other.requests.len()
            && self.requests.iter().zip(&other.requests).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Memo {
    /// Whether nothing was to be done when the same was seen last, and no time has come since.
    pub(super) fn is_calm(&self, seen: &Seen, now: Timestamp, plan: &mut Plan) -> bool {
        let calm = self.calm.get(&seen.certificate.key());
        let Some(calm) = calm.filter(|calm| now < calm.until && calm.seen.is_same(seen)) else { return false };
        calm.wake.into_iter().for_each(|wake| plan.wake_at(wake));
        true
    }

    /// Remembers what a look led to.
    pub(super) fn note(&mut self, seen: Seen, now: Timestamp, plan: &Plan) {
        let key = seen.certificate.key();
        if !plan.steps.is_empty() || !plan.calls.is_empty() {
            self.calm.remove(&key);
            return;
        }
        let seconds = LONGEST + spread(&[&seen.certificate.metadata.uid], LONGEST);
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let latest = now.checked_add(seconds).unwrap_or(Timestamp::MAX);
        let until = plan.wake.map_or(latest, |wake| wake.min(latest));
        self.calm.insert(key, Calm { seen, until, wake: plan.wake });
    }

    /// Forgets what is gone, where there is more than there could be.
    pub(super) fn keep_only(&mut self, there: usize, is_there: impl Fn(&Key) -> bool) {
        if self.calm.len() > there {
            self.calm.retain(|key, _| is_there(key));
        }
    }

    /// How many certificates are calm.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.calm.len()
    }
}
