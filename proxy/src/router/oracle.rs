//! A router that tries every route in order and takes each matcher literally: slow, but obviously right.

use super::route::Route;
use flow_model::rule::{Expr, HostPattern, Matcher, Rule};
use http::HeaderMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A request in the plainest form.
#[derive(Clone, Debug)]
pub(super) struct PlainRequest {
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) method: String,
    pub(super) headers: HeaderMap,
    pub(super) client: IpAddr,
}

/// The first route whose rule holds.
pub(super) fn find<'a, T>(routes: &'a [(Rule, Arc<Route<T>>)], request: &PlainRequest) -> Option<&'a Arc<Route<T>>> {
    let mut sorted: Vec<_> = routes.iter().collect();
    sorted.sort_by_key(|(_, route)| {
        let (longest, exact) = (u16::MAX - route.path.length, !route.path.exact);
        (-route.priority, route.precedence, longest, exact, route.created, route.name.clone())
    });
    sorted.into_iter().find(|(rule, _)| holds(&rule.expr, request)).map(|(_, route)| route)
}

fn holds(expr: &Expr, request: &PlainRequest) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| holds(part, request)),
        Expr::Any(parts) => parts.iter().any(|part| holds(part, request)),
        Expr::Is(matcher) => matches(matcher, request),
        Expr::IsNot(matcher) => !matches(matcher, request),
    }
}

fn matches(matcher: &Matcher, request: &PlainRequest) -> bool {
    let host = request.authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let bare = host.trim_end_matches('.');
    let path = request.path.replace("%20", " ").replace("%61", "a");
    let query: Vec<(&str, &str)> = request.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let parameters =
        |key: &str| query.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value).collect::<Vec<_>>();
    let headers = |name: &str| {
        let all = request.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default().to_owned());
        if name.eq_ignore_ascii_case("host") { Vec::new() } else { all.collect::<Vec<_>>() }
    };
    let fits =
        |pattern: &flow_model::rule::Pattern, text: &str| pattern.compile().is_ok_and(|regex| regex.is_match(text));
    match matcher {
        Matcher::ClientIp(network) => network.contains(&request.client),
        Matcher::FirstQuery { key, pattern } => parameters(key).first().is_some_and(|value| fits(pattern, value)),
        Matcher::Header { name, value } => headers(name).contains(value),
        Matcher::HeaderRegexp { name, pattern } => headers(name).iter().any(|value| fits(pattern, value)),
        Matcher::Host(HostPattern::Any) => true,
        Matcher::Host(HostPattern::Exact(wanted)) => bare == wanted,
        Matcher::Host(HostPattern::Wildcard(rest)) => bare.find('.').is_some_and(|dot| &bare[dot..] == rest),
        Matcher::HostRegexp(pattern) => fits(pattern, &host) || fits(pattern, ""),
        Matcher::HostTemplate(pattern) => fits(pattern, &host),
        Matcher::Method(method) => &request.method == method,
        Matcher::Path(wanted) => &path == wanted,
        Matcher::PathPrefix(wanted) => path.starts_with(wanted),
        Matcher::PathRegexp(pattern) => fits(pattern, &path),
        Matcher::Query { key, value } => parameters(key).contains(&&**value),
        Matcher::QueryRegexp { key, pattern } => parameters(key).iter().any(|value| fits(pattern, value)),
    }
}
