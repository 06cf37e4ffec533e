//! Findings about certificates that do not come, which every replica shows.

use super::events::identify;
use super::state::Shared;
use flow_acme::objects::Key;
use flow_acme::planner::{Kind, Trouble, troubles};
use flow_model::diagnostic::{Diagnostic, Subject};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// How often they are looked for at most: what passes by while a certificate is made is none.
const REST: Duration = Duration::from_secs(2);

/// A trouble as a finding.
pub(crate) fn finding(trouble: &Trouble) -> Diagnostic {
    Diagnostic::warning(subject(trouble.kind, &trouble.key), trouble.message.clone())
}

/// An object that findings are about.
pub(crate) fn subject(kind: Kind, key: &Key) -> Subject {
    let (_, kind) = identify(kind, &key.namespace);
    Subject::new(kind, &*key.namespace, &*key.name)
}

/// Looks for them whenever something changes. Where a cert-manager is at work they are its own to tell.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut version = shared.version.subscribe();
    while version.changed().await.is_ok() {
        sleep(REST).await;
        version.mark_unchanged();
        let found = if shared.acting.load(Ordering::Acquire) {
            troubles(&shared.view.load(), &shared.settings).iter().map(finding).collect()
        } else {
            Vec::new()
        };
        shared.troubles.send_if_modified(|told| {
            let news = *told != found;
            *told = found;
            news
        });
    }
}
