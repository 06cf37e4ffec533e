//! Semicolons in queries: as Go does not take them for separators, Traefik rewrites them.

/// There is something to rewrite.
pub(super) fn needs_rewrite(query: &str) -> bool {
    memchr::memchr(b';', query.as_bytes()).is_some()
}

/// Appends `query` with `%3B` (where `encode`) or `&` for each semicolon.
pub(super) fn rewrite_into(query: &str, encode: bool, out: &mut String) {
    let mut parts = query.split(';');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str(if encode { "%3B" } else { "&" });
        out.push_str(part);
    }
}
