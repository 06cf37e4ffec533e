//! Paging, filters and order of lists, as in Traefik's API.

use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The query of a list.
#[derive(Debug)]
pub(super) struct Query {
    page: usize,
    per_page: usize,
    search: String,
    status: String,
    service: String,
    middleware: String,
    sort_by: String,
    descending: bool,
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page {
    /// Its objects.
    pub(super) objects: Vec<Value>,
    /// The next page's number; 1 if this is the last, as in Traefik.
    pub(super) next: usize,
}

impl Query {
    /// Parses a query string; the error is a message for the client.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self {
            page: 1,
            per_page: 100,
            search: String::new(),
            status: String::new(),
            service: String::new(),
            middleware: String::new(),
            sort_by: "name".to_owned(),
            descending: false,
        };
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let number = || match value.parse::<usize>() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("invalid request: {key} must be a number above zero, not {value:?}")),
            };
            match &*key {
                "page" => parsed.page = number()?,
                "per_page" => parsed.per_page = number()?,
                "search" => parsed.search = value.to_lowercase(),
                "status" => parsed.status = value.to_lowercase(),
                "serviceName" => parsed.service = value.into_owned(),
                "middlewareName" => parsed.middleware = value.into_owned(),
                "sortBy" => parsed.sort_by = value.into_owned(),
                "direction" => parsed.descending = value == "desc",
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// The requested page; the error is a message for the client.
    pub(super) fn page(&self, mut objects: Vec<Value>) -> Result<Page, String> {
        objects.retain(|object| self.keeps(object));
        objects.sort_by(|a, b| {
            let order = compare(&sort_key(a, &self.sort_by), &sort_key(b, &self.sort_by));
            if self.descending { order.reverse() } else { order }
        });
        let start = (self.page - 1).saturating_mul(self.per_page);
        if start > 0 && start >= objects.len() {
            return Err(format!("invalid request: page: {}, per_page: {}", self.page, self.per_page));
        }
        let end = start.saturating_add(self.per_page).min(objects.len());
        let next = if end < objects.len() { self.page + 1 } else { 1 };
        Ok(Page { objects: objects.drain(start..end).collect(), next })
    }

    /// True if the query names `service`. If `service` lacks a `@provider`, that of the query is ignored.
    fn names_service(&self, service: &str) -> bool {
        let wanted = self.service.as_str();
        service == if service.contains('@') { wanted } else { wanted.split('@').next().unwrap_or_default() }
    }

    fn keeps(&self, object: &Value) -> bool {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_lowercase();
        let names = |field: &str, wanted: &str| {
            object[field].as_array().is_some_and(|names| names.iter().any(|name| name == wanted))
        };
        (self.search.is_empty() || text("name").contains(&self.search) || text("rule").contains(&self.search))
            && (self.status.is_empty() || text("status") == self.status)
            && (self.service.is_empty() || self.names_service(object["service"].as_str().unwrap_or_default()))
            && (self.middleware.is_empty() || names("middlewares", &self.middleware))
    }
}

/// The value that objects are sorted by; for a service's servers, their number.
fn sort_key<'a>(object: &'a Value, field: &str) -> Cow<'a, Value> {
    match (field, object.pointer("/loadBalancer/servers").and_then(Value::as_array)) {
        ("servers", servers) => Cow::Owned(servers.map_or(0, Vec::len).into()),
        _ => Cow::Borrowed(&object[field]),
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_str().unwrap_or_default().cmp(b.as_str().unwrap_or_default()),
    }
}
