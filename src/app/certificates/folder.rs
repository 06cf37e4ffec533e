//! The certificates that a folder of manifests asks for.

use super::Office;
use crate::settings::{AcmeMode, Settings};
use flow_acme::http01::ChallengeTable;
use flow_acme::store::folder::FolderStore;
use flow_controller::provider::OpenStore;
use std::sync::Arc;

/// What opens the state folder and starts to issue, once manifests ask for certificates; none where that is off. To be
/// called on a runtime.
pub(crate) fn opener(settings: &Settings, table: Arc<ChallengeTable>, office: Office) -> Option<OpenStore> {
    if settings.acme.mode == AcmeMode::Off {
        return None;
    }
    let (folder, planned) = (settings.acme.storage.clone(), super::planned(settings));
    Some(Box::new(move || {
        let store = match FolderStore::open(&folder) {
            Ok(store) => Arc::new(store),
            Err(error) => return Err(flow_model::diagnostic::causes(&error)),
        };
        tracing::info!(folder = %folder.display(), "certificates are issued and kept here");
        office.start(Arc::clone(&store), Arc::clone(&table), planned.clone());
        Ok(store)
    }))
}
