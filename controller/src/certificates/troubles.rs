//! Findings about certificates that cannot be issued, which every replica shows.

use super::events::identify;
use super::state::Shared;
use flow_acme::objects::Key;
use flow_acme::planner::{Kind, Trouble, Troubles};
use flow_model::diagnostic::{Diagnostic, Subject};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// The least time between two checks: problems that pass while a certificate is made are not reported.
const CHECK_PAUSE: Duration = Duration::from_secs(2);

/// Returns a trouble as a finding.
pub(crate) fn finding(trouble: &Trouble) -> Diagnostic {
    Diagnostic::warning(subject(trouble.kind, &trouble.key), trouble.message.clone())
}

/// Returns the object that findings are about.
pub(crate) fn subject(kind: Kind, key: &Key) -> Subject {
    let (_, kind) = identify(kind, &key.namespace);
    Subject::new(kind, &*key.namespace, &*key.name)
}

/// Checks for findings whenever something changes. Where a cert-manager runs they are its own to report.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut version = shared.version.subscribe();
    let mut troubles = Troubles::new(shared.settings.clone());
    let mut acted = false;
    while version.changed().await.is_ok() {
        sleep(CHECK_PAUSE).await;
        version.mark_unchanged();
        let acts = shared.acting.load(Ordering::Acquire);
        let news = troubles.follow(&shared.view.load());
        if !news && acts == acted {
            continue;
        }
        acted = acts;
        let found = if acts { troubles.present().iter().map(finding).collect() } else { Vec::new() };
        shared.troubles.send_if_modified(|reported| {
            let news = *reported != found;
            *reported = found;
            news
        });
    }
}
