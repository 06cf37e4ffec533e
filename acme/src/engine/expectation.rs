//! What the view must show after a write. Each kind of object has a watch of its own: without this wait, a Certificate
//! that says "done" could be seen before its Secret, and be issued again.

use crate::objects::{Key, Meta};
use crate::planner::{Kind, Write};
use crate::view::View;

/// A change that the view must show.
#[derive(Debug)]
pub(super) enum Expectation {
    /// The object exists.
    Exists(Kind, Key),
    /// The object with this uid is gone or being deleted.
    Gone(Kind, Key, String),
    /// The object no longer has this version.
    Changed(Kind, Key, String),
    /// The Secret holds this certificate chain.
    Filled(Key, Vec<u8>),
}

fn meta<'a>(view: &'a View, kind: Kind, key: &Key) -> Option<&'a Meta> {
    match kind {
        Kind::Certificate => view.certificates.get(key).map(|o| &o.metadata),
        Kind::CertificateRequest => view.requests.get(key).map(|o| &o.metadata),
        Kind::Challenge => view.challenges.get(key).map(|o| &o.metadata),
        Kind::Ingress => view.ingresses.get(key).map(|o| &o.metadata),
        Kind::Issuer => view.issuers.get(key).map(|o| &o.metadata),
        Kind::Order => view.orders.get(key).map(|o| &o.metadata),
        Kind::Secret => view.secrets.get(key).map(|o| &o.metadata),
    }
}

impl Expectation {
    /// Returns what a write that was done changes in the view.
    pub(super) fn of(write: &Write) -> Self {
        let (kind, key) = write.target();
        match write {
            Write::Create(_) => Self::Exists(kind, key),
            Write::Update(object) | Write::Status(object) => {
                Self::Changed(kind, key, object.metadata().resource_version.clone())
            }
            Write::Apply(secret) => Self::Filled(key, secret.entry("tls.crt").unwrap_or_default().to_vec()),
            Write::Delete { uid, .. } => Self::Gone(kind, key, uid.clone()),
        }
    }

    /// True if the view shows it.
    pub(super) fn is_met(&self, view: &View) -> bool {
        match self {
            Self::Exists(kind, key) => meta(view, *kind, key).is_some(),
            Self::Gone(kind, key, uid) => {
                meta(view, *kind, key).is_none_or(|found| found.uid != *uid || found.deletion_timestamp.is_some())
            }
            Self::Changed(kind, key, old) => meta(view, *kind, key).is_none_or(|found| found.resource_version != *old),
            Self::Filled(key, chain) => {
                view.secrets.get(key).is_some_and(|secret| secret.entry("tls.crt").unwrap_or_default() == chain)
            }
        }
    }
}
