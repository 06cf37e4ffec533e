//! The custom kinds that the cluster has, of those that are read and of those that are reported, now and after changes.

use super::outage::{ApiHealth, Outage};
use super::watcher::{WatchEvent, Watcher};
use crate::crd::{Group, VERSION};
use crate::unserved::{GATEWAY, GATEWAYS, TRAEFIK, Unserved};
use crate::view::Kind;
use flow_model::diagnostic::causes;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The pause before the API server is asked again after a change of a definition; each next pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause while the API server does not respond.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// The interval of asking while nothing changes and definitions may be watched.
const WATCHED_PAUSE: Duration = Duration::from_secs(60);
/// The interval of asking if definitions may not be watched.
const BLIND_PAUSE: Duration = Duration::from_secs(10);

/// The kinds of interest that the cluster has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Served {
    /// The custom kinds that are read.
    pub(super) custom: BTreeSet<Kind>,
    /// Kinds that are not served here.
    pub(super) unserved: BTreeSet<UnservedKind>,
}

/// A kind that the cluster has and that is not served here.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct UnservedKind {
    pub(super) group: &'static str,
    pub(super) version: String,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) namespaced: bool,
    pub(super) way_out: &'static str,
}

/// The groups of kinds that are not served, the versions to ask for, and the kinds.
const UNSERVED: [(&str, &[&str], &[Unserved]); 3] = [
    (Group::TraefikIo.name(), &[VERSION], &TRAEFIK),
    (Group::TraefikContainoUs.name(), &[VERSION], &TRAEFIK),
    (GATEWAY, &["v1", "v1alpha2"], &GATEWAYS),
];

/// Reports the custom kinds of the cluster; nothing before the first response of the API server.
pub(super) async fn discover(client: Client, outage: Outage, served: watch::Sender<Option<Served>>) {
    let mut definitions = Watcher::new(Api::all(client.clone()), Config::default(), &outage);
    let mut health = outage.health();
    let (mut pause, mut longest) = (FIRST_PAUSE, BLIND_PAUSE);
    loop {
        let response = ask(&client, &mut health).await;
        let again = sleep(if response.is_some() { pause } else { pause.min(MAX_PAUSE) });
        if let Some(now) = response {
            served.send_if_modified(|known| {
                let new = known.as_ref() != Some(&now);
                *known = Some(now);
                new
            });
        }
        tokio::select! {
            may_watch = change(&mut definitions) => {
                longest = if may_watch { WATCHED_PAUSE } else { BLIND_PAUSE };
                pause = if may_watch { FIRST_PAUSE } else { pause };
            }
            () = again => pause = (pause * 2).min(longest),
            () = served.closed() => return,
        }
    }
}

/// Waits for a change of a relevant definition. False if definitions may not be watched.
async fn change(definitions: &mut Watcher<PartialObjectMeta<CustomResourceDefinition>>) -> bool {
    loop {
        match definitions.next().await {
            WatchEvent::Event(Event::Apply(object) | Event::Delete(object)) if is_ours(&object) => return true,
            WatchEvent::Event(Event::InitDone) => return true,
            WatchEvent::Event(_) => {}
            WatchEvent::Absent | WatchEvent::Forbidden(_) => return false,
        }
    }
}

fn is_ours(definition: &PartialObjectMeta<CustomResourceDefinition>) -> bool {
    let name = definition.metadata.name.as_deref().unwrap_or_default();
    UNSERVED.iter().any(|(group, ..)| name.strip_suffix(group).is_some_and(|rest| rest.ends_with('.')))
}

/// Asks for the served kinds; `None` if the API server does not respond.
async fn ask(client: &Client, health: &mut ApiHealth) -> Option<Served> {
    let mut served = Served::default();
    for (group, versions, kinds) in UNSERVED {
        for &version in versions {
            let list = match client.list_api_group_resources(&format!("{group}/{version}")).await {
                Ok(list) => list.resources,
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                Err(kube::Error::Api(status)) => {
                    health.failed(&status.message);
                    return None;
                }
                Err(error) => {
                    health.failed(&causes(&error));
                    return None;
                }
            };
            for group in Group::ALL.into_iter().filter(|known| known.name() == group) {
                let served_here = |kind: &Kind| list.iter().any(|known| known.name == kind.plural());
                served.custom.extend(Kind::custom(group).filter(served_here));
            }
            for known in kinds {
                let Some(found) = list.iter().find(|found| found.name == known.plural) else { continue };
                // Of a kind with several versions the first that is served.
                if served.unserved.iter().all(|other| (other.group, other.kind) != (group, known.kind)) {
                    served.unserved.insert(UnservedKind {
                        group,
                        version: version.to_owned(),
                        kind: known.kind,
                        plural: known.plural,
                        namespaced: found.namespaced,
                        way_out: known.way_out,
                    });
                }
            }
        }
    }
    health.succeeded();
    Some(served)
}
