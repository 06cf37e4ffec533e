//! Events, as `kubectl describe` shows them. They are written one after another in the background; when too many wait,
//! the rest is dropped: they are information only.

use flow_acme::objects::{ACME_GROUP, GROUP, VERSION};
use flow_acme::planner::{Event, EventType, Kind};
use flow_model::diagnostic::causes;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{self, Recorder, Reporter};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::debug;

/// The number of Events that may wait.
const MAX_WAITING: usize = 1024;
/// The longest message that an API server takes, in bytes.
const MAX_NOTE: usize = 1000;
/// The longest name of an action, in bytes.
const MAX_ACTION: usize = 128;
/// The reporting controller.
const CONTROLLER: &str = "flow-proxy";

/// Starts the writer.
pub(super) fn start(client: Client, identity: String, tasks: &mut JoinSet<()>) -> mpsc::Sender<Event> {
    let (send, mut receive) = mpsc::channel::<Event>(MAX_WAITING);
    let recorder = Recorder::new(client, Reporter { controller: CONTROLLER.to_owned(), instance: Some(identity) });
    tasks.spawn(async move {
        while let Some(event) = receive.recv().await {
            if let Err(error) = recorder.publish(&converted(&event), &subject(&event)).await {
                debug!(error = causes(&error), reason = event.reason, object = %event.key, "an event was not written");
            }
        }
    });
    send
}

fn converted(event: &Event) -> events::Event {
    let cut = |longest: usize| event.message[..event.message.floor_char_boundary(longest)].to_owned();
    events::Event {
        type_: match event.event_type {
            EventType::Normal => events::EventType::Normal,
            EventType::Warning => events::EventType::Warning,
        },
        reason: event.reason.to_owned(),
        note: Some(cut(MAX_NOTE)),
        // The recorder counts an event again that differs only in its note.
        action: cut(MAX_ACTION),
        secondary: None,
    }
}

/// Returns group and version of a kind, and its name.
pub(super) fn identify(kind: Kind, namespace: &str) -> (String, &'static str) {
    let (group, name) = match kind {
        Kind::Certificate => (GROUP, "Certificate"),
        Kind::CertificateRequest => (GROUP, "CertificateRequest"),
        Kind::Challenge => (ACME_GROUP, "Challenge"),
        Kind::Ingress => return ("networking.k8s.io/v1".to_owned(), "Ingress"),
        Kind::Issuer if namespace.is_empty() => (GROUP, "ClusterIssuer"),
        Kind::Issuer => (GROUP, "Issuer"),
        Kind::Order => (ACME_GROUP, "Order"),
        Kind::Secret => return ("v1".to_owned(), "Secret"),
    };
    (format!("{group}/{VERSION}"), name)
}

fn subject(event: &Event) -> ObjectReference {
    let (api_version, kind) = identify(event.kind, &event.key.namespace);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ObjectReference {
        api_version: Some(api_version),
        kind: Some(kind.to_owned()),
        name: Some(event.key.name.clone()),
        namespace: some(&event.key.namespace),
        uid: some(&event.uid),
        ..ObjectReference::default()
    }
}
