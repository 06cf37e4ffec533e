//! Findings about certificates that do not come, which every replica shows.

use super::events::identify;
use super::state::Shared;
use flow_acme::planner::{Trouble, troubles};
use flow_model::diagnostic::{Diagnostic, Subject};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// How often they are looked for at most: what passes by while a certificate is made is none.
const REST: Duration = Duration::from_secs(2);

/// A trouble as a finding.
pub(crate) fn finding(trouble: &Trouble) -> Diagnostic {
    let (_, kind) = identify(trouble.kind, &trouble.key.namespace);
    Diagnostic::warning(Subject::new(kind, &*trouble.key.namespace, &*trouble.key.name), trouble.message.clone())
}

/// Looks for them whenever something changes. Where a cert-manager is at work they are its own to tell.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut version = shared.version.subscribe();
    while version.changed().await.is_ok() {
        sleep(REST).await;
        version.mark_unchanged();
        let found = if shared.acting.load(Ordering::Acquire) {
            troubles(&shared.view.load(), shared.settings.alone).iter().map(finding).collect()
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
