//! Traefik's read-only API, and `/api/diagnostics`, which Traefik lacks.

mod list;
mod objects;

use crate::{Facts, Source, response};
use bytes::Bytes;
use flow_model::runtime::{Runtime, Status};
use http::{Response, StatusCode, Uri};
use list::Query;
use serde_json::{Map, Value, json};

/// The response to a request below `/api`.
pub(crate) fn respond(facts: &Facts, source: &impl Source, uri: &Uri) -> Response<Bytes> {
    let path = uri.path().strip_prefix(facts.base_path.as_str()).unwrap_or_else(|| uri.path());
    let Some(path) = path.strip_prefix("/api") else {
        return response::redirect(&format!("{}/dashboard/", facts.base_path));
    };
    let segments: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
    let runtime = source.runtime();
    match segments.as_slice() {
        ["rawdata"] => response::json(StatusCode::OK, &rawdata(&runtime)),
        ["overview"] => response::json(StatusCode::OK, &overview(facts, &runtime)),
        ["version"] => response::json(
            StatusCode::OK,
            &json!({ "Version": facts.version, "Codename": "flow-proxy", "startDate": facts.started }),
        ),
        ["diagnostics"] => response::json(StatusCode::OK, &runtime.diagnostics),
        ["entrypoints"] => listed(entry_points(facts), uri),
        ["entrypoints", name] => one(entry_points(facts), "entry point", name),
        ["certificates"] => response::json(StatusCode::OK, &runtime.certificates),
        ["http", "routers"] => listed(objects::routers(&runtime), uri),
        ["http", "routers", name] => one(objects::routers(&runtime), "router", name),
        ["http", "services"] => listed(objects::services(&runtime), uri),
        ["http", "services", name] => one(objects::services(&runtime), "service", name),
        ["http", "middlewares"] => listed(objects::middlewares(&runtime), uri),
        ["http", "middlewares", name] => one(objects::middlewares(&runtime), "middleware", name),
        ["tcp", "routers" | "services" | "middlewares"] | ["udp", "routers" | "services"] => listed(Vec::new(), uri),
        _ => response::message(StatusCode::NOT_FOUND, &format!("no such resource: {}", uri.path())),
    }
}

fn listed(objects: Vec<Value>, uri: &Uri) -> Response<Bytes> {
    let page = Query::parse(uri.query().unwrap_or_default()).and_then(|query| query.page(objects));
    match page {
        Ok(page) => {
            let mut response = response::json(StatusCode::OK, &page.objects);
            response.headers_mut().insert("x-next-page", page.next.into());
            response
        }
        Err(mistake) => response::message(StatusCode::BAD_REQUEST, &mistake),
    }
}

fn one(objects: Vec<Value>, kind: &str, name: &str) -> Response<Bytes> {
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    match objects.into_iter().find(|object| object["name"] == *name) {
        Some(object) => response::json(StatusCode::OK, &object),
        None => response::message(StatusCode::NOT_FOUND, &format!("{kind} not found: {name}")),
    }
}

fn entry_points(facts: &Facts) -> Vec<Value> {
    facts
        .entry_points
        .iter()
        .map(|(name, entry_point)| {
            let mut entry_point = entry_point.clone();
            entry_point["name"] = name.as_str().into();
            entry_point
        })
        .collect()
}

/// All objects by name, without the fields that lists add.
fn rawdata(runtime: &Runtime) -> Value {
    let by_name = |objects: Vec<Value>| -> Map<String, Value> {
        objects
            .into_iter()
            .filter_map(|mut object| {
                let fields = object.as_object_mut()?;
                for added in ["provider", "type", "priorityStr"] {
                    fields.remove(added);
                }
                let name = fields.remove("name")?.as_str()?.to_owned();
                Some((name, object))
            })
            .collect()
    };
    let mut all = Map::new();
    for (section, objects) in [
        ("routers", by_name(objects::routers(runtime))),
        ("services", by_name(objects::services(runtime))),
        ("middlewares", by_name(objects::middlewares(runtime))),
    ] {
        if !objects.is_empty() {
            all.insert(section.to_owned(), objects.into());
        }
    }
    all.into()
}

fn overview(facts: &Facts, runtime: &Runtime) -> Value {
    fn counts(of: impl Iterator<Item = Status>) -> Value {
        let (mut total, mut warnings, mut errors) = (0, 0, 0);
        for status in of {
            total += 1;
            warnings += u32::from(status == Status::Warning);
            errors += u32::from(status == Status::Disabled);
        }
        json!({ "total": total, "warnings": warnings, "errors": errors })
    }
    let none = || counts(std::iter::empty());
    json!({
        "http": {
            "routers": counts(runtime.routers.values().map(|r| r.status)),
            "services": counts(runtime.services.values().map(|s| s.status)),
            "middlewares": counts(runtime.middlewares.values().map(|m| m.status)),
        },
        "tcp": { "routers": none(), "services": none(), "middlewares": none() },
        "udp": { "routers": none(), "services": none() },
        "certificates": { "total": runtime.certificates.len() },
        "features": {
            "tracing": "",
            "metrics": if facts.metrics { "Prometheus" } else { "" },
            "accessLog": facts.access_log,
        },
        "providers": facts.providers,
        "diagnostics": runtime.diagnostics.len(),
    })
}
