//! Writes, each on the condition that the object is unchanged since it was read. Only fields managed here are written:
//! the other fields of an object stay as they are.

use super::constants::FAILED_WEBHOOK;
use super::events::identify;
use super::resource::resource;
use flow_acme::objects::{ACME_GROUP, GROUP, Key, Secret};
use flow_acme::planner::{Kind, Object, View, Write};
use flow_acme::store::StoreError;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::{Map, Value, json};

/// The field manager.
const MANAGER: &str = "flow-proxy";
/// The field manager of target Secrets: cert-manager's own name, so that neither leaves fields of the other behind.
const ISSUING: &str = "cert-manager-certificates-issuing";
/// The written parts of an object's metadata.
const METADATA: [&str; 4] = ["labels", "annotations", "ownerReferences", "finalizers"];

/// The result of a write that was not refused.
pub(crate) enum Written {
    /// The object as it is now.
    Object(Box<DynamicObject>),
    /// Nothing was to be changed, or the object is deleted.
    Nothing,
    /// There is no such object any more.
    Gone,
}

/// Does a write that was planned by `view`.
pub(crate) async fn write(client: &Client, view: &View, write: &Write) -> Result<Written, StoreError> {
    match write {
        Write::Create(object) => create(client, object).await,
        Write::Update(object) => change(client, view, object, false).await,
        Write::Status(object) => change(client, view, object, true).await,
        Write::Apply(secret) => apply(client, secret).await,
        Write::Delete { kind, key, uid } => delete(client, *kind, key, uid).await.map(|()| Written::Nothing),
    }
}

fn api(client: &Client, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    let resource = match kind {
        Kind::Certificate => resource(GROUP, "Certificate", "certificates"),
        Kind::CertificateRequest => resource(GROUP, "CertificateRequest", "certificaterequests"),
        Kind::Challenge => resource(ACME_GROUP, "Challenge", "challenges"),
        Kind::Ingress => ApiResource::erase::<k8s_openapi::api::networking::v1::Ingress>(&()),
        Kind::Issuer if namespace.is_empty() => resource(GROUP, "ClusterIssuer", "clusterissuers"),
        Kind::Issuer => resource(GROUP, "Issuer", "issuers"),
        Kind::Order => resource(ACME_GROUP, "Order", "orders"),
        Kind::Secret => ApiResource::erase::<k8s_openapi::api::core::v1::Secret>(&()),
    };
    if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

/// Returns an object as JSON, with its kind.
fn json_of(object: &Object) -> Result<Value, StoreError> {
    let value = match object {
        Object::Certificate(object) => serde_json::to_value(object),
        Object::CertificateRequest(object) => serde_json::to_value(object),
        Object::Challenge(object) => serde_json::to_value(object),
        Object::Issuer(object) => serde_json::to_value(object),
        Object::Order(object) => serde_json::to_value(object),
        Object::Secret(object) => serde_json::to_value(object),
    };
    let mut value = value.map_err(|error| StoreError::Refused(error.to_string()))?;
    let (api_version, kind) = identify(object.kind(), &object.metadata().namespace);
    value["apiVersion"] = json!(api_version);
    value["kind"] = json!(kind);
    Ok(value)
}

/// Returns the status of an object as JSON, within an object without anything else.
fn status_of(object: &Object) -> Result<Value, StoreError> {
    let status = match object {
        Object::Certificate(object) => serde_json::to_value(&object.status),
        Object::CertificateRequest(object) => serde_json::to_value(&object.status),
        Object::Challenge(object) => serde_json::to_value(&object.status),
        Object::Issuer(object) => serde_json::to_value(&object.status),
        Object::Order(object) => serde_json::to_value(&object.status),
        Object::Secret(_) => Ok(Value::Null),
    };
    Ok(json!({ "status": status.map_err(|error| StoreError::Refused(error.to_string()))? }))
}

/// Returns the object of this key as the view shows it.
fn present(view: &View, object: &Object) -> Option<Object> {
    let key = object.metadata().key();
    Some(match object {
        Object::Certificate(_) => view.certificates.get(&key)?.as_ref().clone().into(),
        Object::CertificateRequest(_) => view.requests.get(&key)?.as_ref().clone().into(),
        Object::Challenge(_) => view.challenges.get(&key)?.as_ref().clone().into(),
        Object::Issuer(_) => view.issuers.get(&key)?.as_ref().clone().into(),
        Object::Order(_) => view.orders.get(&key)?.as_ref().clone().into(),
        Object::Secret(_) => view.secrets.get(&key)?.as_ref().clone().into(),
    })
}

async fn create(client: &Client, object: &Object) -> Result<Written, StoreError> {
    let mut value = json_of(object)?;
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        for key in ["uid", "resourceVersion", "generation", "creationTimestamp"] {
            metadata.remove(key);
        }
    }
    let body: DynamicObject = serde_json::from_value(value).map_err(|error| StoreError::Refused(error.to_string()))?;
    let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
    let made = api(client, object.kind(), &object.metadata().namespace).create(&params, &body).await;
    made.map(|made| Written::Object(Box::new(made))).map_err(|error| match error {
        // The namespace or the kind does not exist.
        kube::Error::Api(status) if status.is_not_found() => StoreError::Refused(status.message.clone()),
        error => store_error(error),
    })
}

async fn change(client: &Client, view: &View, object: &Object, status: bool) -> Result<Written, StoreError> {
    let old = present(view, object).ok_or(StoreError::Conflict)?;
    let version = &object.metadata().resource_version;
    if old.metadata().resource_version != *version {
        return Err(StoreError::Conflict);
    }
    let (old, new) = if status { (status_of(&old)?, status_of(object)?) } else { (json_of(&old)?, json_of(object)?) };
    let Some(patch) = patch(&old, &new, version, status) else { return Ok(Written::Nothing) };
    let (name, params) =
        (&object.metadata().name, PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() });
    let api = api(client, object.kind(), &object.metadata().namespace);
    let patch = Patch::Merge(&patch);
    let done =
        if status { api.patch_status(name, &params, &patch).await } else { api.patch(name, &params, &patch).await };
    match done {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Written::Gone),
        done => done.map(|object| Written::Object(Box::new(object))).map_err(store_error),
    }
}

/// Returns the merge patch (RFC 7386) from `old` to `new`; `None` if they are the same.
fn patch(old: &Value, new: &Value, version: &str, status: bool) -> Option<Value> {
    let mut patch = Map::new();
    let mut metadata = Map::new();
    if status {
        patch.insert("status".to_owned(), difference(&old["status"], &new["status"])?);
    } else {
        for key in METADATA {
            metadata.extend(difference(&old["metadata"][key], &new["metadata"][key]).map(|d| (key.to_owned(), d)));
        }
        for key in ["spec", "type", "data"] {
            patch.extend(difference(&old[key], &new[key]).map(|difference| (key.to_owned(), difference)));
        }
        if patch.is_empty() && metadata.is_empty() {
            return None;
        }
    }
    metadata.insert("resourceVersion".to_owned(), json!(version));
    patch.insert("metadata".to_owned(), Value::Object(metadata));
    Some(Value::Object(patch))
}

fn difference(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return Some(new.clone()) };
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter_map(|(key, value)| {
        difference(old.get(key).unwrap_or(&Value::Null), value).map(|difference| (key.clone(), difference))
    });
    Some(Value::Object(gone.chain(changed).collect()))
}

async fn apply(client: &Client, secret: &Secret) -> Result<Written, StoreError> {
    let object = Object::from(secret.clone());
    let mut value = json_of(&object)?;
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        for key in ["uid", "generation", "creationTimestamp", "deletionTimestamp", "finalizers"] {
            metadata.remove(key);
        }
    }
    let params = PatchParams::apply(ISSUING).force();
    let api = api(client, Kind::Secret, &secret.metadata.namespace);
    let applied = api.patch(&secret.metadata.name, &params, &Patch::Apply(&value)).await;
    applied.map(|object| Written::Object(Box::new(object))).map_err(store_error)
}

async fn delete(client: &Client, kind: Kind, key: &Key, uid: &str) -> Result<(), StoreError> {
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let params = DeleteParams {
        preconditions: Some(preconditions),
        propagation_policy: Some(PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    api(client, kind, &key.namespace).delete(&key.name, &params).await.map(drop).map_err(store_error)
}

/// Returns the error of a write by the API server's response.
fn store_error(error: kube::Error) -> StoreError {
    let kube::Error::Api(status) = &error else { return StoreError::Unavailable(Box::new(error)) };
    if status.message.contains(FAILED_WEBHOOK) {
        return StoreError::Refused(format!(
            "{}; if this webhook is what is left of a cert-manager, delete its webhook configurations",
            status.message
        ));
    }
    match status.code {
        404 | 409 => StoreError::Conflict,
        400..=499 if status.code != 429 => StoreError::Refused(status.message.clone()),
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_what_changed_is_written() {
        let old = json!({
            "metadata": { "labels": { "a": "1", "b": "2" }, "finalizers": ["x"] },
            "spec": { "keep": 1, "drop": 2, "inner": { "list": [1, 2] } }, "status": {},
        });
        let mut new = old.clone();
        assert_eq!(patch(&old, &new, "7", false), None);
        assert_eq!(patch(&old, &new, "7", true), None);
        new["metadata"] = json!({ "labels": { "a": "1" } });
        new["spec"] = json!({ "keep": 1, "inner": { "list": [1] } });
        let expected = json!({
            "metadata": { "labels": { "b": null }, "finalizers": null, "resourceVersion": "7" },
            "spec": { "drop": null, "inner": { "list": [1] } },
        });
        assert_eq!(patch(&old, &new, "7", false), Some(expected));
        new["status"] = json!({ "state": "ready" });
        let expected = json!({ "metadata": { "resourceVersion": "7" }, "status": { "state": "ready" } });
        assert_eq!(patch(&old, &new, "7", true), Some(expected));
    }

    #[test]
    fn responses_become_errors() {
        let error_of = |code: u16, message: &str| {
            let status = json!({ "status": "Failure", "message": message, "reason": "", "code": code });
            store_error(kube::Error::Api(Box::new(serde_json::from_value(status).unwrap())))
        };
        assert!(matches!(error_of(409, "exists"), StoreError::Conflict));
        assert!(matches!(error_of(404, "gone"), StoreError::Conflict));
        assert!(matches!(error_of(422, "invalid"), StoreError::Refused(text) if text == "invalid"));
        assert!(matches!(error_of(429, "slow"), StoreError::Unavailable(_)));
        assert!(matches!(error_of(503, "down"), StoreError::Unavailable(_)));
        let hook = error_of(500, "Internal error occurred: failed calling webhook \"webhook.cert-manager.io\"");
        assert!(matches!(hook, StoreError::Refused(text) if text.contains("delete its webhook")));
    }
}
