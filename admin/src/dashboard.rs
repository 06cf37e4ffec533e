//! The dashboard's files, compiled into the program.

use crate::{Facts, response};
use bytes::Bytes;
use http::{Response, StatusCode};

/// The response to a request below `/dashboard/`.
pub(crate) fn respond(facts: &Facts, path: &str) -> Response<Bytes> {
    let path = path.strip_prefix(facts.base_path.as_str()).unwrap_or(path);
    match path {
        "" | "/" | "/dashboard" => response::redirect(&format!("{}/dashboard/", facts.base_path)),
        "/dashboard/" | "/dashboard/index.html" => {
            let name = if facts.dashboard_name.is_empty() { "flow-proxy" } else { &facts.dashboard_name };
            let page = include_str!("../web/index.html").replace("{{name}}", &escaped(name));
            response::text("text/html; charset=utf-8", page.into())
        }
        "/dashboard/app.js" => file("text/javascript; charset=utf-8", include_bytes!("../web/app.js")),
        // Browsers request /favicon.ico when they show something that is not a page, such as the API's JSON.
        "/dashboard/icon.svg" | "/favicon.ico" => file("image/svg+xml", include_bytes!("../web/icon.svg")),
        "/dashboard/style.css" => file("text/css; charset=utf-8", include_bytes!("../web/style.css")),
        _ => response::message(StatusCode::NOT_FOUND, "no such page; the dashboard is at /dashboard/"),
    }
}

fn file(content_type: &'static str, content: &'static [u8]) -> Response<Bytes> {
    response::text(content_type, Bytes::from_static(content))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
