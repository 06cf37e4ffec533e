//! Waiting until the view shows what was written. Each kind of object has a watch of its own: without this wait, a
//! Certificate that says "done" could be seen before its Secret, and be issued again.

use crate::objects::Key;
use crate::planner::{Kind, Write};
use crate::store::Store;
use crate::view::View;
use std::time::Duration;

const VIEW_TIMEOUT: Duration = Duration::from_secs(3);

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

fn version(view: &View, kind: Kind, key: &Key) -> Option<(String, String, bool)> {
    let meta = match kind {
        Kind::Certificate => view.certificates.get(key).map(|o| &o.metadata),
        Kind::CertificateRequest => view.requests.get(key).map(|o| &o.metadata),
        Kind::Challenge => view.challenges.get(key).map(|o| &o.metadata),
        Kind::Ingress => view.ingresses.get(key).map(|o| &o.metadata),
        Kind::Issuer => view.issuers.get(key).map(|o| &o.metadata),
        Kind::Order => view.orders.get(key).map(|o| &o.metadata),
        Kind::Secret => view.secrets.get(key).map(|o| &o.metadata),
    }?;
    Some((meta.uid.clone(), meta.resource_version.clone(), meta.deletion_timestamp.is_some()))
}

impl Expectation {
    pub(super) fn of(write: &Write, before: &View) -> Self {
        let (kind, key) = write.target();
        match write {
            Write::Create(_) => Self::Exists(kind, key),
            Write::Update(_) | Write::Status(_) => {
                let old = version(before, kind, &key).map(|(_, version, _)| version).unwrap_or_default();
                Self::Changed(kind, key, old)
            }
            Write::Apply(secret) => Self::Filled(key, secret.entry("tls.crt").unwrap_or_default().to_vec()),
            Write::Delete { uid, .. } => Self::Gone(kind, key, uid.clone()),
        }
    }

    fn is_met(&self, view: &View) -> bool {
        match self {
            Self::Exists(kind, key) => version(view, *kind, key).is_some(),
            Self::Gone(kind, key, uid) => {
                version(view, *kind, key).is_none_or(|(found, _, leaving)| found != *uid || leaving)
            }
            Self::Changed(kind, key, old) => version(view, *kind, key).is_none_or(|(_, version, _)| version != *old),
            Self::Filled(key, chain) => {
                view.secrets.get(key).is_some_and(|secret| secret.entry("tls.crt").unwrap_or_default() == chain)
            }
        }
    }
}

/// Waits until the view shows all of them, but not forever: an object may have been deleted right after the write.
pub(super) async fn wait(store: &impl Store, mut expectations: Vec<Expectation>) {
    let mut changes = store.changes();
    let all = async {
        loop {
            changes.mark_unchanged();
            let view = store.view();
            expectations.retain(|expectation| !expectation.is_met(&view));
            if expectations.is_empty() || changes.changed().await.is_err() {
                return;
            }
        }
    };
    if tokio::time::timeout(VIEW_TIMEOUT, all).await.is_err() {
        tracing::debug!("the view does not show what was written");
    }
}
