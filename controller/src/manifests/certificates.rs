//! The certificates that a folder asks for, and those that came of it.

use super::wishes::Wishes;
use crate::certificates::troubles::finding;
use crate::view::{Object, ObjectKey, Secret, View};
use flow_acme::store::Store as _;
use flow_acme::store::folder::{FolderStore, Served};
use flow_model::diagnostic::{Diagnostic, Subject, causes};
use std::sync::Arc;
use tokio::sync::watch;

/// Opens the store of certificates once a folder asks for some, and has them issued; else words on why it cannot.
pub type OpenStore = Box<dyn FnMut() -> Result<Arc<FolderStore>, String> + Send>;

/// What a folder asks for, and its store.
pub(super) struct Certificates {
    opener: Option<OpenStore>,
    open: Option<(Arc<FolderStore>, watch::Receiver<u64>)>,
    /// What is asked for, as far as it was handed on.
    wishes: Wishes,
    served: Served,
    /// Why nothing is handed on.
    problem: Option<String>,
}

impl Certificates {
    pub(super) fn new(opener: Option<OpenStore>) -> Self {
        Self { opener, open: None, wishes: Wishes::default(), served: Served::default(), problem: None }
    }

    /// Hands on what the folder asks for now. The store is opened when it asks for the first time.
    pub(super) fn declare(&mut self, wishes: Wishes) {
        let asks = self.open.is_some() || wishes.asks();
        if !asks || (wishes == self.wishes && self.problem.is_none()) {
            return;
        }
        if self.open.is_none() {
            let Some(opener) = &mut self.opener else { return };
            match opener() {
                Ok(store) => {
                    let changes = store.changes();
                    self.open = Some((store, changes));
                }
                Err(problem) => {
                    self.problem = Some(problem);
                    return;
                }
            }
        }
        let Some((store, _)) = &self.open else { return };
        self.problem = store.declare(wishes.declared()).err().map(|error| causes(&error));
        self.wishes = wishes;
        self.served = Served::of(&store.view());
    }

    /// Puts the certificates into the view, and says what is wrong with those that do not come.
    pub(super) fn show(&self, view: &mut View) -> Vec<Diagnostic> {
        for secret in &self.served.secrets {
            view.apply(Object::Secret(Secret {
                key: ObjectKey::new(secret.metadata.namespace.as_str(), secret.metadata.name.as_str()),
                kind: secret.kind.as_str().into(),
                data: secret.data.iter().map(|(name, value)| (name.as_str().into(), value.as_slice().into())).collect(),
            }));
        }
        let troubles = self.served.troubles.iter().map(finding);
        let own = self.problem.iter().map(|problem| {
            Diagnostic::error(Subject::new("Certificate", "", ""), format!("no certificates are issued: {problem}"))
        });
        troubles.chain(own).collect()
    }

    /// Waits until other certificates have come, or other troubles.
    pub(super) async fn changed(&mut self) {
        let Some((store, changes)) = &mut self.open else { return std::future::pending().await };
        // The store lives as long as this.
        while changes.changed().await.is_ok() {
            let served = Served::of(&store.view());
            if served != self.served {
                self.served = served;
                return;
            }
        }
        std::future::pending().await
    }
}
