//! Objects in the form of the API, sorted by name.

use flow_model::name::{provider, qualify};
use flow_model::runtime::Runtime;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// All HTTP routers.
pub(super) fn routers(runtime: &Runtime) -> Vec<Value> {
    sorted(runtime.routers.iter().map(|(name, info)| {
        let mut router = described(name, &**info);
        router["priorityStr"] = router["priority"].to_string().into();
        router
    }))
}

/// All HTTP services, with the routers that use each.
pub(super) fn services(runtime: &Runtime) -> Vec<Value> {
    let users = users(runtime, |info, provider| vec![qualify(&info.router.service, provider)]);
    sorted(runtime.services.iter().map(|(name, info)| {
        let mut service = described(name, &**info);
        add_kind(&mut service, &["loadBalancer", "weighted"]);
        add_users(&mut service, users.get(&**name));
        let servers = service.pointer("/loadBalancer/servers").and_then(Value::as_array).cloned().unwrap_or_default();
        if !servers.is_empty() {
            // Without health checks a server is as good as its endpoint, which is up as long as it is listed.
            service["serverStatus"] = servers.iter().filter_map(|s| Some((s["url"].as_str()?, "UP"))).collect();
        }
        service
    }))
}

/// All HTTP middlewares, with the routers that use each.
pub(super) fn middlewares(runtime: &Runtime) -> Vec<Value> {
    let users = users(runtime, |info, provider| info.middlewares().map(|m| qualify(m, provider)).collect());
    sorted(runtime.middlewares.iter().map(|(name, info)| {
        let mut middleware = described(name, &**info);
        add_kind(&mut middleware, &[]);
        add_users(&mut middleware, users.get(&**name));
        middleware
    }))
}

fn sorted(objects: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut objects: Vec<_> = objects.collect();
    objects.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    objects
}

/// The object with its name and provider. What cannot be written shows the reason in its place.
fn described<T: Serialize>(name: &str, object: &T) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_else(|error| json!({ "error": [error.to_string()] }));
    value["name"] = name.into();
    value["provider"] = provider(name).into();
    value
}

/// The kind is the one field that is none of those every object has.
fn add_kind(object: &mut Value, known: &[&str]) {
    const COMMON: [&str; 6] = ["error", "name", "provider", "status", "usedBy", "middlewares"];
    let Some(fields) = object.as_object() else { return };
    let kind = match known.iter().find(|kind| fields.contains_key(**kind)) {
        Some(kind) => Some((*kind).to_owned()),
        None => fields.keys().find(|field| !COMMON.contains(&field.as_str())).cloned(),
    };
    if let Some(kind) = kind {
        object["type"] = kind.to_lowercase().into();
    }
}

fn add_users(object: &mut Value, users: Option<&BTreeSet<&str>>) {
    if let Some(users) = users {
        object["usedBy"] = json!(users);
    }
}

/// From what routers refer to, to the routers.
fn users<'a>(
    runtime: &'a Runtime,
    used: impl Fn(&'a flow_model::runtime::RouterInfo, &str) -> Vec<flow_model::name::Name>,
) -> HashMap<String, BTreeSet<&'a str>> {
    let mut users: HashMap<String, BTreeSet<&str>> = HashMap::new();
    for (name, info) in &runtime.routers {
        for object in used(info, provider(name)) {
            users.entry(object.to_string()).or_default().insert(name);
        }
    }
    users
}
