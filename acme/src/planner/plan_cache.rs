//! A cache of certificates without work, so that a change of one does not cost a look at ten thousand.

use super::action::Plan;
use crate::names::spread;
use crate::objects::{Certificate, CertificateRequest, Issuer, Key, Secret};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// Longest time until a certificate is looked at again, in seconds. The real one lies between this and its double.
const RECHECK_SECONDS: u64 = 60;

/// Certificates for which there was nothing to do, each with the inputs of that look. A plan depends on the view and
/// the time alone: this only saves repeated work.
#[derive(Debug, Default)]
pub struct PlanCache {
    unchanged: HashMap<Key, Unchanged>,
}

#[derive(Debug)]
struct Unchanged {
    inputs: Inputs,
    until: Timestamp,
    wake: Option<Timestamp>,
}

/// The inputs of a look at a certificate.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) certificate: Arc<Certificate>,
    pub(super) secret: Option<Arc<Secret>>,
    pub(super) requests: Vec<Arc<CertificateRequest>>,
    pub(super) issuer: Option<Arc<Issuer>>,
    /// The Certificate that fills the Secret instead of this one.
    pub(super) outranked: Option<Arc<Certificate>>,
}

impl Inputs {
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

impl PlanCache {
    /// True if there was nothing to do for the same inputs, and the time for the next look has not come.
    pub(super) fn is_unchanged(&self, inputs: &Inputs, now: Timestamp, plan: &mut Plan) -> bool {
        let unchanged = self.unchanged.get(&inputs.certificate.key());
        let Some(unchanged) = unchanged.filter(|unchanged| now < unchanged.until && unchanged.inputs.is_same(inputs))
        else {
            return false;
        };
        unchanged.wake.into_iter().for_each(|wake| plan.wake_at(wake));
        true
    }

    /// Remembers the result of a look.
    pub(super) fn note(&mut self, inputs: Inputs, now: Timestamp, plan: &Plan) {
        let key = inputs.certificate.key();
        if !plan.steps.is_empty() || !plan.calls.is_empty() {
            self.unchanged.remove(&key);
            return;
        }
        let seconds = RECHECK_SECONDS + spread(&[&inputs.certificate.metadata.uid], RECHECK_SECONDS);
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let latest = now.checked_add(seconds).unwrap_or(Timestamp::MAX);
        let until = plan.wake.map_or(latest, |wake| wake.min(latest));
        self.unchanged.insert(key, Unchanged { inputs, until, wake: plan.wake });
    }

    /// Forgets deleted certificates, once there are more entries than certificates.
    pub(super) fn keep_only(&mut self, there: usize, is_there: impl Fn(&Key) -> bool) {
        if self.unchanged.len() > there {
            self.unchanged.retain(|key, _| is_there(key));
        }
    }

    /// The number of entries.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.unchanged.len()
    }
}
