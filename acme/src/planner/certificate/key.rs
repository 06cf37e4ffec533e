//! The key of a certificate being issued: made or reused, and stored before it is used in a request.

use super::failure::failure;
use super::issue;
use super::{Subject, is_issuing};
use crate::names::{self, FAO, NEXT_PRIVATE_KEY};
use crate::objects::{
    Certificate, Encoding, GROUP, Key, Meta, Owner, PrivateKeySpec, RotationPolicy, Secret, VERSION, condition,
};
use crate::planner::action::{Call, Event, Kind, Plan, Step, Write};
use crate::planner::context::Context;
use crate::view::{Settings, View};
use crate::x509::key::{PrivateKey, PrivateKeyError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Returns the key and the name of its Secret once it is stored; until then, plans the steps towards that.
pub(super) fn ready(
    context: &Context<'_>,
    subject: &Subject<'_>,
    plan: &mut Plan,
) -> Option<(Arc<PrivateKey>, String)> {
    let certificate = subject.certificate;
    let place = place(certificate);
    let Some(stored) = context.view.secrets.get(&place) else {
        begin(context, subject, &place, plan);
        return None;
    };
    if !stored.metadata.controlled_by("Certificate", &certificate.metadata) {
        // The name belongs to another owner's Secret: the next attempt uses another name.
        return None;
    }
    match stored.private_key() {
        Ok(key) if key.violations(certificate.spec.private_key.as_ref()).is_empty() => Some((key, place.name)),
        unusable => {
            let uid = stored.metadata.uid.clone();
            let mut step = Step::write(Write::Delete { kind: Kind::Secret, key: place.clone(), uid });
            if let Err(error) = unusable {
                let message = format!(
                    "Failed to decode private key stored in Secret {:?} - generating new key: {error}",
                    place.name
                );
                step = step.with(Event::warning(Kind::Certificate, &certificate.metadata, "DecodeFailed", message));
            }
            plan.steps.push(step);
            None
        }
    }
}

/// Returns the place of the Secret for the key of the next certificate.
fn place(certificate: &Certificate) -> Key {
    let named = certificate.status.next_private_key_secret_name.clone();
    Key::new(certificate.metadata.namespace.clone(), named.unwrap_or_else(|| name(certificate)))
}

/// Returns the place of the Secret for the key of the next certificate; `None` while none is being issued.
#[must_use]
pub fn next_key_place(certificate: &Certificate) -> Option<Key> {
    let named = certificate.status.next_private_key_secret_name.is_some();
    (named || is_issuing(certificate)).then(|| place(certificate))
}

/// Returns the name of the key's Secret, the same for the same attempt, so that two leaders write one Secret.
pub(super) fn name(certificate: &Certificate) -> String {
    let status = &certificate.status;
    let since = condition(&status.conditions, "Issuing").and_then(|c| c.last_transition_time);
    let attempt = format!("{:?} {:?} {since:?}", status.revision, status.failed_issuance_attempts);
    names::numbered(&certificate.metadata.name, names::suffix(&[&certificate.metadata.uid, &attempt]))
}

fn begin(context: &Context<'_>, subject: &Subject<'_>, place: &Key, plan: &mut Plan) {
    let certificate = subject.certificate;
    let wanted = certificate.spec.private_key.as_ref();
    let kept = wanted.and_then(|key| key.rotation_policy) == Some(RotationPolicy::Never);
    let old = subject.secret.filter(|_| kept).and_then(|secret| secret.private_key().ok());
    let Some(old) = old else {
        return plan.calls.push(Call::NextKey { certificate: certificate.key() });
    };
    let mismatch = old.violations(wanted);
    let secret = &certificate.spec.secret_name;
    if mismatch.is_empty() {
        let message = format!("Reusing private key stored in existing Secret resource {secret:?}");
        let event = Event::normal(Kind::Certificate, &certificate.metadata, "Reused", message);
        let mut step = stored(context.settings, certificate, place, &old, context.now);
        step.events.insert(0, event);
        return plan.steps.push(step);
    }
    let message = format!(
        "User intervention required: existing private key in Secret {secret:?} does not match requirements on \
         Certificate resource, mismatching fields: [{}], but cert-manager cannot create new private key as the \
         Certificate's .spec.privateKey.rotationPolicy is unset or set to Never. To allow cert-manager to create a new \
         private key you can set .spec.privateKey.rotationPolicy to 'Always' (this will result in the private key \
         being regenerated every time a cert is renewed)",
        mismatch.join(" ")
    );
    let event = Event::warning(Kind::Certificate, &certificate.metadata, "CannotRegenerateKey", message);
    plan.steps.push(Step { writes: Vec::new(), events: vec![event] });
}

fn next_secret(certificate: &Certificate, place: &Key, key: &PrivateKey) -> Secret {
    let mut metadata = Meta::named(place.clone());
    for label in [NEXT_PRIVATE_KEY, FAO] {
        metadata.labels.insert(label.to_owned(), "true".to_owned());
    }
    metadata.owner_references =
        vec![Owner::controller(&format!("{GROUP}/{VERSION}"), "Certificate", &certificate.metadata)];
    let data = BTreeMap::from([("tls.key".to_owned(), key.to_pem(Encoding::PKCS8).into_bytes())]);
    Secret::new(metadata, "Opaque", data)
}

/// A key to be made for a certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyToMake {
    /// Kind and size.
    pub spec: PrivateKeySpec,
    place: Key,
}

impl KeyToMake {
    /// True if there is one by now.
    #[must_use]
    pub fn is_stored(&self, view: &View) -> bool {
        view.secrets.contains_key(&self.place)
    }
}

/// Returns the key to be made for a certificate; `None` if it exists by now.
#[must_use]
pub fn key_to_make(view: &View, certificate: &Certificate) -> Option<KeyToMake> {
    let place = place(certificate);
    if view.secrets.contains_key(&place) {
        return None;
    }
    Some(KeyToMake { spec: certificate.spec.private_key.clone().unwrap_or_default(), place })
}

/// Returns the step that stores a key and asks for its certificate.
#[must_use]
pub fn key_made(
    settings: &Settings,
    certificate: &Certificate,
    pending: &KeyToMake,
    key: &PrivateKey,
    now: Timestamp,
) -> Step {
    stored(settings, certificate, &pending.place, key, now)
}

/// The key is stored before it is used: the next leader goes on with it.
fn stored(settings: &Settings, certificate: &Certificate, place: &Key, key: &PrivateKey, now: Timestamp) -> Step {
    let mut step = issue::ask(settings, certificate, key, &place.name, now);
    step.writes.insert(0, Write::Create(next_secret(certificate, place, key).into()));
    step
}

/// Returns what follows from a failed generation: the attempt ends with the error.
#[must_use]
pub fn key_impossible(certificate: &Certificate, error: &PrivateKeyError, now: Timestamp) -> Step {
    failure(certificate, "Failed", &error.to_string(), now)
}
