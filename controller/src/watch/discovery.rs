//! Which of Traefik's custom kinds the cluster serves, now and as that changes.

use super::feed::{Feed, Signal};
use super::outage::{Line, Outage};
use crate::crd::{Group, VERSION};
use crate::view::Kind;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How soon after a change of a definition the API server is asked again; each next pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause while the API server does not answer.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// How often it is asked while nothing changes and definitions may be watched.
const WATCHED_PAUSE: Duration = Duration::from_secs(60);
/// How often it is asked where definitions may not be watched.
const BLIND_PAUSE: Duration = Duration::from_secs(10);

/// The custom kinds that are served.
pub(super) type Served = BTreeSet<CustomKind>;

/// A custom kind and how the API calls it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct CustomKind {
    pub(super) kind: Kind,
    pub(super) group: Group,
    pub(super) name: &'static str,
    pub(super) plural: &'static str,
}

/// The custom kinds that are read.
fn custom_kinds(group: Group) -> [CustomKind; 4] {
    [
        CustomKind { kind: Kind::Middleware(group), group, name: "Middleware", plural: "middlewares" },
        CustomKind {
            kind: Kind::ServersTransport(group),
            group,
            name: "ServersTransport",
            plural: "serverstransports",
        },
        CustomKind { kind: Kind::TlsOption(group), group, name: "TLSOption", plural: "tlsoptions" },
        CustomKind { kind: Kind::TlsStore(group), group, name: "TLSStore", plural: "tlsstores" },
    ]
}

/// Tells which custom kinds are served; nothing before the API server has answered for the first time.
pub(super) async fn discover(client: Client, outage: Outage, served: watch::Sender<Option<Served>>) {
    let mut definitions = Feed::new(Api::all(client.clone()), Config::default(), &outage);
    let mut line = outage.line();
    let (mut pause, mut longest) = (FIRST_PAUSE, BLIND_PAUSE);
    loop {
        let answer = ask(&client, &mut line).await;
        let again = sleep(if answer.is_some() { pause } else { pause.min(RETRY_PAUSE) });
        if let Some(now) = answer {
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

/// Waits for a change of a definition of ours. False where definitions may not be watched.
async fn change(definitions: &mut Feed<PartialObjectMeta<CustomResourceDefinition>>) -> bool {
    loop {
        match definitions.next().await {
            Signal::Event(Event::Apply(object) | Event::Delete(object)) if is_ours(&object) => return true,
            Signal::Event(Event::InitDone) => return true,
            Signal::Event(_) => {}
            Signal::Absent | Signal::Forbidden(_) => return false,
        }
    }
}

fn is_ours(definition: &PartialObjectMeta<CustomResourceDefinition>) -> bool {
    let name = definition.metadata.name.as_deref().unwrap_or_default();
    Group::ALL.into_iter().any(|group| name.strip_suffix(group.name()).is_some_and(|rest| rest.ends_with('.')))
}

/// `None` where the API server does not answer.
async fn ask(client: &Client, line: &mut Line) -> Option<Served> {
    let mut served = Served::new();
    for group in Group::ALL {
        match client.list_api_group_resources(&format!("{group}/{VERSION}")).await {
            Ok(list) => {
                let listed = |kind: &CustomKind| list.resources.iter().any(|known| known.name == kind.plural);
                served.extend(custom_kinds(group).into_iter().filter(listed));
            }
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(kube::Error::Api(status)) => {
                line.failed(&status.message);
                return None;
            }
            Err(error) => {
                line.failed(&error);
                return None;
            }
        }
    }
    line.works();
    Some(served)
}
