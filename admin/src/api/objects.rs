//! Objects in the form of the API, sorted by name.

use flow_model::config::ServiceKind;
use flow_model::middleware::Middleware;
use flow_model::name::{Name, provider, qualify};
use flow_model::runtime::{RouterInfo, Runtime, Status};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// All HTTP routers.
pub(super) fn routers(runtime: &Runtime) -> Vec<Value> {
    sorted(runtime.routers.iter().map(|(name, info)| {
        let mut router = described(name, &**info);
        router["priorityStr"] = router["priority"].as_i64().unwrap_or_default().to_string().into();
        if info.looked_up {
            qualify_all(router.get_mut("middlewares"), name);
        }
        qualify_all(router.get_mut("parentRefs"), name);
        router
    }))
}

/// All HTTP services, with the routers that use each.
pub(super) fn services(runtime: &Runtime) -> Vec<Value> {
    let wanted = |info: &RouterInfo, provider: &str| vec![qualify(&info.router.service, provider)];
    let looked_up = users(runtime, |info, provider| if info.looked_up { wanted(info, provider) } else { Vec::new() });
    let users = users(runtime, wanted);
    sorted(runtime.services.iter().map(|(name, info)| {
        let mut service = described(name, &**info);
        add_kind(&mut service, &["loadBalancer", "weighted", "mirroring", "failover", "highestRandomWeight"]);
        if looked_up.contains_key(&**name) {
            qualify_names(&mut service, name, &info.service.kind);
        }
        add_users(&mut service, users.get(&**name));
        let servers = service.pointer("/loadBalancer/servers").and_then(Value::as_array).cloned().unwrap_or_default();
        if !servers.is_empty() {
            // A server that nobody checks is up as long as its endpoint is listed.
            let checked = runtime.servers.as_ref().map_or_else(Vec::new, |states| states.servers(name));
            let is_down = |url: &str| checked.iter().any(|(checked, is_up)| checked == url && !is_up);
            let state = |url| if is_down(url) { "DOWN" } else { "UP" };
            service["serverStatus"] =
                servers.iter().filter_map(|server| server["url"].as_str()).map(|url| (url, state(url))).collect();
        }
        service
    }))
}

/// All HTTP middlewares, with the routers that use each.
pub(super) fn middlewares(runtime: &Runtime) -> Vec<Value> {
    let wanted =
        |info: &RouterInfo, provider: &str| -> Vec<Name> { info.middlewares().map(|m| qualify(m, provider)).collect() };
    let mut chains = BTreeSet::new();
    for (name, info) in runtime.routers.iter().filter(|(_, info)| info.looked_up) {
        look_up(runtime, wanted(info, provider(name)), &mut chains);
    }
    let users = users(runtime, wanted);
    sorted(runtime.middlewares.iter().map(|(name, info)| {
        let mut middleware = described(name, &**info);
        if chains.contains(name) {
            qualify_all(middleware.pointer_mut("/chain/middlewares"), name);
        }
        add_kind(&mut middleware, &[]);
        add_users(&mut middleware, users.get(&**name));
        middleware
    }))
}

/// Adds the chains that are looked up for middlewares; true if all of them can be made. As in Traefik the last one comes
/// first, and what cannot be made ends it.
fn look_up(runtime: &Runtime, names: Vec<Name>, chains: &mut BTreeSet<Name>) -> bool {
    names.into_iter().rev().all(|name| {
        let Some(info) = runtime.middlewares.get(&name) else { return false };
        if let Middleware::Chain(chain) = &*info.middleware
            && chains.insert(Name::clone(&name))
        {
            let members = chain.middlewares.iter().map(|member| qualify(member, provider(&name)));
            if !look_up(runtime, members.collect(), chains) {
                return false;
            }
        }
        info.status != Status::Disabled
    })
}

/// Qualifies the names that an object refers to with its provider, as Traefik does once they are looked up.
fn qualify_all(names: Option<&mut Value>, of: &str) {
    for name in names.and_then(Value::as_array_mut).into_iter().flatten() {
        *name = qualify(name.as_str().unwrap_or_default(), provider(of)).as_ref().into();
    }
}

/// Qualifies the names in a service that is in use: Traefik writes them into the configuration that it shows.
fn qualify_names(shown: &mut Value, name: &str, kind: &ServiceKind) {
    let ServiceKind::LoadBalancer(balancer) = kind else { return };
    if let Some(cookie) = balancer.sticky.as_ref().and_then(|sticky| sticky.cookie.as_ref()) {
        shown["loadBalancer"]["sticky"]["cookie"]["name"] = cookie.name_of(name).into();
    }
    if !balancer.servers_transport.is_empty() {
        let transport = qualify(&balancer.servers_transport, provider(name));
        shown["loadBalancer"]["serversTransport"] = transport.as_ref().into();
    }
}

fn sorted(objects: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut objects: Vec<_> = objects.collect();
    objects.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    objects
}

/// The object with its name and provider; an error takes the place of what cannot be serialized.
fn described<T: Serialize>(name: &str, object: &T) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_else(|error| json!({ "error": [error.to_string()] }));
    value["name"] = name.into();
    value["provider"] = provider(name).into();
    value
}

/// Adds `type`, which is a field's name: one of `known`, else the first that is not common to all objects.
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

/// A map from names that routers refer to, to the routers' names.
fn users<'a>(
    runtime: &'a Runtime,
    used: impl Fn(&'a RouterInfo, &str) -> Vec<Name>,
) -> HashMap<String, BTreeSet<&'a str>> {
    let mut users: HashMap<String, BTreeSet<&str>> = HashMap::new();
    for (name, info) in &runtime.routers {
        for object in used(info, provider(name)) {
            users.entry(object.to_string()).or_default().insert(name);
        }
    }
    users
}
