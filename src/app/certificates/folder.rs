//! Certificates that a folder of manifests asks for.

use super::Engines;
use crate::settings::{AcmeMode, Settings};
use flow_acme::http01::ChallengeTable;
use flow_acme::store::folder::FolderStore;
use flow_controller::provider::Issuing;
use std::sync::Arc;

/// Issuing that opens the state folder and starts an engine once manifests ask for certificates; [`Issuing::Off`] if
/// `acme.mode` is off. Must be called on a runtime.
pub(crate) fn issuing(settings: &Settings, table: Arc<ChallengeTable>, engines: Engines) -> Issuing {
    if settings.acme.mode == AcmeMode::Off {
        return Issuing::Off;
    }
    let (folder, settings) = (settings.acme.storage.clone(), super::planned(settings));
    let planned = settings.clone();
    let open = Box::new(move || {
        let store = match FolderStore::open(&folder, planned.clone()) {
            Ok(store) => Arc::new(store),
            Err(error) => return Err(flow_model::diagnostic::causes(&error)),
        };
        tracing::info!(folder = %folder.display(), "certificates are issued and kept here");
        engines.start(Arc::clone(&store), Arc::clone(&table), planned.clone());
        Ok(store)
    });
    Issuing::On { settings, open }
}

/// Issuing for `check`: issues nothing, and reports what would be wrong.
pub(crate) fn foreseen(settings: &Settings) -> Issuing {
    if settings.acme.mode == AcmeMode::Off { Issuing::Off } else { Issuing::Foreseen(super::planned(settings)) }
}
