//! Traefik's `certificatesResolvers`: the certificates that routers request, and those that were issued.

mod cluster;
mod folder;
mod plan;
mod served;
mod wanted;

pub(crate) use plan::{Plan, plan};
pub(crate) use wanted::wanted;

use super::Engines;
use crate::app::Refusal;
use crate::settings::Settings;
use cluster::ClusterSet;
use flow_acme::http01::ChallengeTable;
use flow_acme::planner::{Kind, Trouble};
use flow_controller::provider::Kubernetes;
use flow_controller::resolvers::Options;
use flow_model::config::{Source, precedence};
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::entry_point::EntryPoint;
use flow_model::runtime::Runtime;
use folder::Set;
use futures_util::future::select_all;
use served::Certificates;
use std::sync::Arc;

/// The provider's name of resolvers' certificates.
const PROVIDER: &str = "acme";

/// All resolvers.
pub(crate) struct Resolvers {
    kept: Kept,
    certificates: Certificates,
    troubles: Vec<Trouble>,
}

/// The places where they keep accounts and certificates.
enum Kept {
    Folders(Vec<Set>),
    Cluster(Box<ClusterSet>),
}

impl Resolvers {
    /// Opens the stores of one process, and imports accounts and certificates from Traefik's file. Those of a cluster are
    /// opened by [`Resolvers::start`].
    ///
    /// # Errors
    /// A storage cannot be opened or written.
    pub(crate) fn open(plan: Plan) -> Result<Self, Refusal> {
        let kept = match plan {
            Plan::Folders(plans) => Kept::Folders(plans.into_iter().map(Set::open).collect::<Result<_, _>>()?),
            Plan::Cluster(plan) => Kept::Cluster(Box::new(ClusterSet::new(plan))),
        };
        Ok(Self { kept, certificates: Certificates::default(), troubles: Vec::new() })
    }

    /// The tables of challenges, one for each store.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Arc<ChallengeTable>> {
        let tables: Vec<_> = match &self.kept {
            Kept::Folders(sets) => sets.iter().map(|set| Arc::clone(&set.table)).collect(),
            Kept::Cluster(set) => vec![Arc::clone(&set.table)],
        };
        tables.into_iter()
    }

    /// The options of the store in a cluster; `None` if they keep nothing there.
    pub(crate) fn options(&self, settings: &Settings, entry_points: &[Arc<EntryPoint>]) -> Option<Options> {
        match &self.kept {
            Kept::Folders(_) => None,
            Kept::Cluster(set) => Some(set.options(settings, entry_points)),
        }
    }

    /// Starts to issue, on the current runtime. `answers` is called once challenges can be answered.
    pub(crate) fn start(
        &mut self,
        settings: &Settings,
        engines: &Engines,
        cluster: Option<&Kubernetes>,
        answers: impl FnOnce() + Send + 'static,
    ) {
        match &mut self.kept {
            Kept::Folders(sets) => {
                sets.iter().for_each(|set| set.start(settings, engines));
                answers();
            }
            Kept::Cluster(set) => match cluster.and_then(|cluster| cluster.resolvers.as_ref()) {
                Some(store) => set.start(settings, store, engines, answers),
                None => answers(),
            },
        }
        self.refresh();
    }

    /// Waits until the served certificates or their problems change.
    pub(crate) async fn changed(&mut self) {
        loop {
            let changed = match &mut self.kept {
                Kept::Folders(sets) if sets.is_empty() => return std::future::pending().await,
                Kept::Folders(sets) => {
                    // An error is impossible: `self` keeps the stores, and so the senders, alive.
                    let _ = select_all(sets.iter_mut().map(|set| Box::pin(set.changes.changed()))).await;
                    false
                }
                Kept::Cluster(set) => {
                    set.changed().await;
                    true
                }
            };
            if self.refresh() || changed {
                return;
            }
        }
    }

    fn refresh(&mut self) -> bool {
        let served: Vec<_> = match &mut self.kept {
            Kept::Folders(sets) => sets.iter().map(Set::served).collect(),
            Kept::Cluster(set) => vec![set.served()],
        };
        let secrets = served.iter().flat_map(|served| &served.secrets);
        let changed = self.certificates.update(secrets);
        let troubles: Vec<_> = served.iter().flat_map(|served| served.troubles.iter().cloned()).collect();
        let is_news = troubles != self.troubles;
        self.troubles = troubles;
        changed || is_news
    }

    /// The certificates to serve.
    pub(crate) fn source(&self) -> Option<Source> {
        let is_empty = matches!(&self.kept, Kept::Folders(sets) if sets.is_empty());
        (!is_empty).then(|| Source::new(PROVIDER, precedence::LAST, self.certificates.config()))
    }

    /// Requests the certificates that served routers name. Returns the problems with these requests and earlier ones.
    pub(crate) fn declare(&mut self, runtime: &Runtime) -> Vec<Diagnostic> {
        let known = |name: &str| match &self.kept {
            Kept::Folders(sets) => sets.iter().any(|set| set.knows(name)),
            Kept::Cluster(set) => set.knows(name),
        };
        let (wanted, mut found) = wanted(runtime, known);
        let namespace = match &mut self.kept {
            Kept::Folders(sets) => {
                sets.iter_mut().for_each(|set| set.declare(&wanted));
                String::new()
            }
            Kept::Cluster(set) => {
                set.declare(&wanted);
                found.extend(set.obstacle());
                set.namespace().to_owned()
            }
        };
        found.extend(self.troubles.iter().map(|trouble| {
            let name = trouble.key.name.as_str();
            let subject = match trouble.kind {
                Kind::Issuer => Subject::new("CertificateResolver", "", name),
                _ => Subject::new("Certificate", namespace.as_str(), name),
            };
            Diagnostic::warning(subject, trouble.message.clone())
        }));
        found.sort_unstable();
        found
    }
}
