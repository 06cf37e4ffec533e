//! Semicolons in queries: Go does not accept them as separators, so Traefik rewrites them.

/// True if there is something to rewrite.
pub(super) fn needs_rewrite(query: &str) -> bool {
    memchr::memchr(b';', query.as_bytes()).is_some()
}

/// Appends `query` with `%3B` (if `encode`) or `&` for each semicolon.
pub(super) fn rewrite_into(query: &str, encode: bool, out: &mut String) {
    let mut parts = query.split(';');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str(if encode { "%3B" } else { "&" });
        out.push_str(part);
    }
}
