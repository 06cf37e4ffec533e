//! The certificates that a folder asks for, and those that were issued.

use super::declarations::Declarations;
use crate::certificates::troubles::finding;
use crate::view::{Object, ObjectKey, Secret, View};
use flow_acme::planner::Settings;
use flow_acme::store::Store as _;
use flow_acme::store::folder::{FolderStore, Served};
use flow_model::diagnostic::{Diagnostic, Subject, causes};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;

/// Opens the store of certificates and starts issuing; the error is a message.
pub type OpenStore = Box<dyn FnMut() -> Result<Arc<FolderStore>, String> + Send>;

/// The treatment of the certificates that a folder asks for.
pub enum Issuing {
    /// They are left alone.
    Off,
    /// Nothing is issued; problems are reported.
    Foreseen(Settings),
    /// They are issued: the store is opened once a folder asks for some.
    On {
        /// The settings of planning.
        settings: Settings,
        /// Opens the store.
        open: OpenStore,
    },
}

/// The certificates that a folder asks for, and their store.
pub(super) struct Certificates {
    issuing: Issuing,
    open: Option<(Arc<FolderStore>, watch::Receiver<u64>)>,
    /// The declarations that were handed on.
    declarations: Declarations,
    served: Served,
    /// The reason why nothing is handed on.
    problem: Option<String>,
}

impl Certificates {
    pub(super) fn new(issuing: Issuing) -> Self {
        Self { issuing, open: None, declarations: Declarations::default(), served: Served::default(), problem: None }
    }

    /// Hands on what the folder asks for now. The store is opened at the first request. Ingresses alone do not open it:
    /// without an issuer nothing could be issued.
    pub(super) fn declare(&mut self, declarations: Declarations) {
        if declarations == self.declarations && self.problem.is_none() {
            return;
        }
        match &mut self.issuing {
            Issuing::Off => return,
            Issuing::On { open, .. } if self.open.is_none() && declarations.asks() => match open() {
                Ok(store) => {
                    let changes = store.changes();
                    self.open = Some((store, changes));
                }
                Err(problem) => {
                    self.problem = Some(problem);
                    return;
                }
            },
            Issuing::Foreseen(settings) | Issuing::On { settings, .. } => {
                if self.open.is_none() {
                    self.served = Served::foreseen(declarations.declared(), settings, Timestamp::now());
                }
            }
        }
        if let Some((store, _)) = &self.open {
            self.problem = store.declare(declarations.declared()).err().map(|error| causes(&error));
            self.served = store.served();
        }
        self.declarations = declarations;
    }

    /// Puts the certificates into the view; returns findings about those that cannot be issued.
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

    /// Waits until there are other certificates or other findings.
    pub(super) async fn changed(&mut self) {
        let Some((store, changes)) = &mut self.open else { return std::future::pending().await };
        // The store lives as long as this.
        while changes.changed().await.is_ok() {
            let served = store.served();
            if served != self.served {
                self.served = served;
                return;
            }
        }
        std::future::pending().await
    }
}
