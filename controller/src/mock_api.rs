//! An API server in memory, for tests: objects, versions, lists, watches, merge patches, discovery, and faults.

#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::ACCEPT;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::mpsc;

type MockResponse = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// The cluster behind the mock; clones are the same cluster.
#[derive(Clone, Default)]
pub(crate) struct Cluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    version: u64,
    /// Objects by collection (`/apis/GROUP/VERSION/PLURAL`), namespace and name.
    objects: BTreeMap<(String, String, String), Value>,
    watches: Vec<Watch>,
    /// `METHOD path?query` of every request.
    requests: Vec<String>,
    /// Status codes for paths that contain a text.
    faults: Vec<(String, u16)>,
    /// Custom kinds that are served: `GROUP/VERSION` to plurals.
    custom: HashMap<String, Vec<String>>,
    no_streaming_lists: bool,
    /// Watches cannot go on from versions before this.
    oldest: u64,
}

struct Watch {
    target: Target,
    only: Option<String>,
    /// True if only metadata is wanted.
    partial: bool,
    send: mpsc::UnboundedSender<Value>,
}

/// The object or collection of a path.
#[derive(Clone, Debug, Default)]
struct Target {
    collection: String,
    namespace: String,
    name: String,
    status: bool,
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let prefix: Vec<&str> = match *parts.first()? {
            "api" => parts.drain(..2).collect(),
            "apis" if parts.len() > 3 => parts.drain(..3).collect(),
            _ => return None,
        };
        let mut target = Self::default();
        if parts.first() == Some(&"namespaces") && parts.len() > 2 {
            target.namespace = parts[1].to_owned();
            parts.drain(..2);
        }
        target.collection = format!("/{}/{}", prefix.join("/"), parts.first()?);
        target.name = parts.get(1).copied().unwrap_or_default().to_owned();
        target.status = parts.get(2) == Some(&"status");
        Some(target)
    }

    fn key(&self) -> (String, String, String) {
        (self.collection.clone(), self.namespace.clone(), self.name.clone())
    }

    fn covers(&self, key: &(String, String, String)) -> bool {
        self.collection == key.0 && (self.namespace.is_empty() || self.namespace == key.1)
    }
}

impl Cluster {
    /// Returns a client of this cluster.
    pub(crate) fn client(&self) -> kube::Client {
        let cluster = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let cluster = cluster.clone();
            async move { Ok::<_, Infallible>(cluster.handle(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// Stores an object at its path; `value` needs no metadata.
    pub(crate) fn put(&self, path: &str, value: Value) {
        let target = Target::parse(path).unwrap();
        self.0.lock().store(&target.key(), value);
    }

    pub(crate) fn delete(&self, path: &str) {
        let target = Target::parse(path).unwrap();
        self.0.lock().remove(&target.key());
    }

    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        let target = Target::parse(path).unwrap();
        self.0.lock().objects.get(&target.key()).cloned()
    }

    /// Returns all objects of a collection, `/apis/GROUP/VERSION/PLURAL`.
    pub(crate) fn objects(&self, collection: &str) -> Vec<Value> {
        let state = self.0.lock();
        state.objects.iter().filter(|(key, _)| key.0 == collection).map(|(_, object)| object.clone()).collect()
    }

    /// Returns the requests whose method and path contain `text`.
    pub(crate) fn requests(&self, text: &str) -> Vec<String> {
        self.0.lock().requests.iter().filter(|request| request.contains(text)).cloned().collect()
    }

    /// Responds to requests whose `METHOD path?query` contains `text` with this status, from now on; running watches of
    /// such paths end.
    pub(crate) fn fail(&self, text: &str, status: u16) {
        let mut state = self.0.lock();
        state.faults.push((text.to_owned(), status));
        state.watches.retain(|watch| !format!("GET {}", watch.target.collection).contains(text));
    }

    /// Ends the faults.
    pub(crate) fn heal(&self) {
        self.0.lock().faults.clear();
    }

    /// Ends the running watches, and responds with 410 to those that resume from a version known by now.
    pub(crate) fn expire(&self) {
        let mut state = self.0.lock();
        state.version += 1;
        state.oldest = state.version;
        state.watches.clear();
    }

    /// Serves (or no longer serves) a custom kind.
    pub(crate) fn serve(&self, version: &str, plurals: &[&str]) {
        let mut state = self.0.lock();
        state.custom.insert(version.to_owned(), plurals.iter().map(|&p| p.to_owned()).collect());
        let served = state.custom.clone();
        state.watches.retain(|watch| is_served(&served, &watch.target.collection));
    }

    /// Refuses streaming lists, as servers before 1.32 do.
    pub(crate) fn refuse_streaming_lists(&self) {
        self.0.lock().no_streaming_lists = true;
    }

    async fn handle(&self, request: Request<Body>) -> MockResponse {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let query: HashMap<String, String> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.replace("%3D", "=").replace("%21", "!").replace("%2C", ",")))
            .collect();
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let partial = accept.is_some_and(|accept| accept.contains("as=PartialObjectMetadata"));
        let path = parts.uri.path();
        let line = format!("{} {}", parts.method, parts.uri);
        let mut state = self.0.lock();
        state.requests.push(format!("{} {}", parts.method, parts.uri));
        if let Some(&(_, status)) = state.faults.iter().find(|(text, _)| line.contains(text.as_str())) {
            return failure(status);
        }
        if let Some(version) = path.strip_prefix("/apis/").filter(|rest| rest.split('/').count() == 2) {
            return state.discover(version);
        }
        let Some(target) = Target::parse(path) else { return failure(404) };
        if !is_served(&state.custom, &target.collection) {
            return failure(404);
        }
        let value = || serde_json::from_slice::<Value>(&body).unwrap();
        match parts.method {
            Method::GET if query.contains_key("watch") => state.watch(target, &query, partial),
            Method::GET if target.name.is_empty() => state.list(&target, &query),
            Method::GET => state.objects.get(&target.key()).map_or_else(|| failure(404), |object| ok(object.clone())),
            Method::POST => {
                let name = value()["metadata"]["name"].as_str().unwrap().to_owned();
                let target = Target { name, ..target };
                if state.objects.contains_key(&target.key()) {
                    failure(409)
                } else {
                    ok(state.store(&target.key(), value()))
                }
            }
            Method::PUT => state.replace(&target, value()),
            Method::PATCH => state.patch(&target, &value()),
            _ => failure(405),
        }
    }
}

fn is_served(custom: &HashMap<String, Vec<String>>, collection: &str) -> bool {
    let Some((version, plural)) = collection.strip_prefix("/apis/").and_then(|rest| rest.rsplit_once('/')) else {
        return true;
    };
    !version.starts_with("traefik.") || custom.get(version).is_some_and(|plurals| plurals.iter().any(|p| p == plural))
}

impl State {
    fn store(&mut self, key: &(String, String, String), mut value: Value) -> Value {
        self.version += 1;
        let kind = if self.objects.contains_key(key) { "MODIFIED" } else { "ADDED" };
        value["metadata"]["name"] = json!(key.2);
        value["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if !key.1.is_empty() {
            value["metadata"]["namespace"] = json!(key.1);
        }
        self.objects.insert(key.clone(), value.clone());
        self.notify(key, kind, &value);
        value
    }

    fn remove(&mut self, key: &(String, String, String)) {
        self.version += 1;
        if let Some(mut value) = self.objects.remove(key) {
            value["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.notify(key, "DELETED", &value);
        }
    }

    fn notify(&mut self, key: &(String, String, String), kind: &str, value: &Value) {
        self.watches.retain(|watch| {
            let wanted = watch.target.covers(key) && watch.only.as_ref().is_none_or(|name| *name == key.2);
            let event = || json!({ "type": kind, "object": shown(value, watch.partial) });
            !wanted || watch.send.send(event()).is_ok()
        });
    }

    fn selected(&self, target: &Target, query: &HashMap<String, String>) -> Vec<Value> {
        let (only, sort) = (only(query), sort(query));
        let objects = self.objects.iter().filter(|(key, _)| target.covers(key));
        let objects = objects.filter(|(key, _)| only.as_ref().is_none_or(|name| *name == key.2));
        objects.filter(|(_, v)| sort.as_ref().is_none_or(|sort| v["type"] == **sort)).map(|(_, v)| v.clone()).collect()
    }

    fn list(&self, target: &Target, query: &HashMap<String, String>) -> MockResponse {
        let number = |name: &str| query.get(name).and_then(|value| value.parse::<usize>().ok());
        let (from, limit) = (number("continue").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
        let all = self.selected(target, query);
        let page: Vec<_> = all.iter().skip(from).take(limit).collect();
        let end = from + page.len();
        let rest = if end < all.len() { end.to_string() } else { String::new() };
        ok(json!({
            "apiVersion": "v1",
            "kind": "List",
            "metadata": { "resourceVersion": self.version.to_string(), "continue": rest },
            "items": page,
        }))
    }

    fn watch(&mut self, target: Target, query: &HashMap<String, String>, partial: bool) -> MockResponse {
        let streaming = query.get("sendInitialEvents").is_some_and(|value| value == "true");
        if streaming && self.no_streaming_lists {
            return failure(422);
        }
        let (send, receive) = mpsc::unbounded_channel();
        if streaming {
            for object in self.selected(&target, query) {
                let _ = send.send(json!({ "type": "ADDED", "object": shown(&object, partial) }));
            }
            let _ = send.send(json!({ "type": "BOOKMARK", "object": {
                "apiVersion": "v1", "kind": "Any",
                "metadata": {
                    "resourceVersion": self.version.to_string(),
                    "annotations": { "k8s.io/initial-events-end": "true" },
                },
            } }));
        } else {
            let since = query.get("resourceVersion").and_then(|v| v.parse::<u64>().ok()).unwrap_or_default();
            if since < self.oldest {
                return failure(410);
            }
            for object in self.selected(&target, query) {
                let version = object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).unwrap_or(0);
                if version > since {
                    let _ = send.send(json!({ "type": "MODIFIED", "object": shown(&object, partial) }));
                }
            }
        }
        self.watches.push(Watch { target, only: only(query), partial, send });
        let frames = stream::unfold(receive, |mut receive| async {
            let event = receive.recv().await?;
            Some((Ok(Frame::data(Bytes::from(format!("{event}\n")))), receive))
        });
        Response::new(StreamBody::new(frames.boxed()).boxed_unsync())
    }

    fn replace(&mut self, target: &Target, value: Value) -> MockResponse {
        let Some(old) = self.objects.get(&target.key()) else { return failure(404) };
        let wanted = &value["metadata"]["resourceVersion"];
        if !wanted.is_null() && *wanted != old["metadata"]["resourceVersion"] {
            return failure(409);
        }
        ok(self.store(&target.key(), value))
    }

    fn patch(&mut self, target: &Target, patch: &Value) -> MockResponse {
        let Some(mut value) = self.objects.get(&target.key()).cloned() else { return failure(404) };
        if target.status {
            value["status"] = merge(value["status"].take(), &patch["status"]);
        } else {
            value = merge(value, patch);
        }
        ok(self.store(&target.key(), value))
    }

    fn discover(&self, version: &str) -> MockResponse {
        let Some(plurals) = self.custom.get(version).filter(|plurals| !plurals.is_empty()) else { return failure(404) };
        let resources: Vec<Value> = plurals
            .iter()
            .map(
                |name| json!({ "name": name, "singularName": "", "namespaced": true, "kind": name, "verbs": ["list"] }),
            )
            .collect();
        ok(json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources }))
    }
}

fn merge(mut value: Value, patch: &Value) -> Value {
    let Some(fields) = patch.as_object() else { return patch.clone() };
    if !value.is_object() {
        value = json!({});
    }
    for (name, field) in fields {
        let old = value[name].take();
        if field.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = merge(old, field);
        }
    }
    value
}

fn only(query: &HashMap<String, String>) -> Option<String> {
    query.get("fieldSelector")?.strip_prefix("metadata.name=").map(str::to_owned)
}

fn sort(query: &HashMap<String, String>) -> Option<String> {
    query.get("fieldSelector")?.strip_prefix("type=").map(|sort| sort.replace("%2F", "/"))
}

/// Returns an object, or only its metadata.
fn shown(object: &Value, partial: bool) -> Value {
    if partial {
        json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"] })
    } else {
        object.clone()
    }
}

fn ok(value: Value) -> MockResponse {
    respond(StatusCode::OK, &value)
}

fn failure(status: u16) -> MockResponse {
    let code = StatusCode::from_u16(status).unwrap();
    let reason = match status {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        _ => "InternalError",
    };
    respond(
        code,
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("refused: {reason}"), "reason": reason, "code": status,
        }),
    )
}

fn respond(status: StatusCode, value: &Value) -> MockResponse {
    let body = http_body_util::Full::new(Bytes::from(value.to_string())).boxed_unsync();
    Response::builder().status(status).body(body).unwrap()
}
