//! The text of a router's rule, and the rank of its path.

use crate::view::ingress::PathType;
use flow_model::config::PathOrder;
use std::fmt::Write as _;

/// The error for a path matcher that does not exist.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no path matcher {0:?}: write Path, PathPrefix or PathRegexp")]
pub(super) struct UnknownMatcher(String);

/// The options of writing rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syntax {
    /// True for Traefik 2's syntax.
    pub(super) v2: bool,
    /// True if a prefix ends where a path segment ends.
    pub(super) strict_prefix: bool,
}

/// Returns the rule for a host and a path, either of which may be empty. `matcher` is the user's, for paths of
/// implementation-specific type; empty is `PathPrefix`.
pub(super) fn rule(
    syntax: Syntax,
    host: &str,
    path: &str,
    kind: PathType,
    matcher: &str,
) -> Result<(String, PathOrder), UnknownMatcher> {
    let mut rule = String::with_capacity(host.len() + path.len() + 32);
    if !host.is_empty() {
        match host.strip_prefix("*.") {
            Some(rest) if syntax.v2 => {
                call(&mut rule, "HostRegexp", &format!("{{subdomain:[a-zA-Z0-9-]+}}.{rest}"));
            }
            _ => call(&mut rule, "Host", host),
        }
    }
    let mut order = PathOrder::default();
    if path.is_empty() {
        return Ok((rule, order));
    }
    let matcher = match (kind, matcher) {
        (PathType::Exact, _) => "Path",
        (PathType::Prefix, _) | (PathType::ImplementationSpecific, "") => "PathPrefix",
        (PathType::ImplementationSpecific, "Path" | "PathPrefix" | "PathRegexp") => matcher,
        (PathType::ImplementationSpecific, _) => return Err(UnknownMatcher(matcher.to_owned())),
    };
    if !rule.is_empty() {
        rule.push_str(" && ");
    }
    if syntax.strict_prefix && matcher == "PathPrefix" && path != "/" {
        let path = path.strip_suffix('/').unwrap_or(path);
        rule.push('(');
        call(&mut rule, "Path", path);
        let alone = rule.len();
        rule.push_str(" || ");
        call(&mut rule, "PathPrefix", &format!("{path}/"));
        rule.push(')');
        // All but the `Path` in it, and the parenthesis before that.
        order.discount = saturate(1 + rule.len() - alone);
        order.length = saturate(path.len());
    } else {
        call(&mut rule, matcher, path);
        order.discount = saturate(matcher.len() - "Path".len());
        order.length = saturate(path.len());
        order.exact = matcher == "Path";
    }
    Ok((rule, order))
}

fn saturate(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn call(rule: &mut String, matcher: &str, argument: &str) {
    rule.push_str(matcher);
    rule.push('(');
    quote(rule, argument);
    rule.push(')');
}

/// Appends a text quoted as by Go's `%q`.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        let escape = match c {
            '"' | '\\' => c,
            '\x07' => 'a',
            '\x08' => 'b',
            '\x0c' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\x0b' => 'v',
            _ if is_printable(c) => {
                out.push(c);
                continue;
            }
            _ => {
                let code = u32::from(c);
                // Writing to a String cannot fail.
                let _ = match code {
                    0..0x80 => write!(out, "\\x{code:02x}"),
                    0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
                continue;
            }
        };
        out.push('\\');
        out.push(escape);
    }
    out.push('"');
}

/// True for Go's `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols, and the ASCII space.
fn is_printable(c: char) -> bool {
    // After a letter, Rust's debug form leaves exactly these as they are; of quotes, which it escapes, `'` counts too.
    c == '\'' || ['a', c].iter().collect::<String>().escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use PathType::{Exact, ImplementationSpecific, Prefix};

    const V3: Syntax = Syntax { v2: false, strict_prefix: false };

    #[test]
    fn hosts_and_paths_become_matchers() {
        for (host, path, kind, matcher, wanted) in [
            ("a.b", "/c", Prefix, "", r#"Host("a.b") && PathPrefix("/c")"#),
            ("*.b", "/c", Exact, "PathRegexp", r#"Host("*.b") && Path("/c")"#),
            ("", "/c", Prefix, "PathRegexp", r#"PathPrefix("/c")"#),
            ("a", "", Prefix, "nonsense", r#"Host("a")"#),
            ("", "", Prefix, "", ""),
            ("", r"/\d+", ImplementationSpecific, "PathRegexp", r#"PathRegexp("/\\d+")"#),
            ("", "/", ImplementationSpecific, "Path", r#"Path("/")"#),
            ("", "/", ImplementationSpecific, "", r#"PathPrefix("/")"#),
        ] {
            assert_eq!(rule(V3, host, path, kind, matcher).unwrap().0, wanted);
        }
        assert!(rule(V3, "a", "/", ImplementationSpecific, "pathprefix").is_err());
    }

    #[test]
    fn wildcards_of_the_second_syntax_are_expressions() {
        let v2 = Syntax { v2: true, ..V3 };
        let wanted = r#"HostRegexp("{subdomain:[a-zA-Z0-9-]+}.b.c")"#;
        assert_eq!(rule(v2, "*.b.c", "", Prefix, "").unwrap().0, wanted);
        assert_eq!(rule(v2, "b.c", "", Prefix, "").unwrap().0, r#"Host("b.c")"#);
    }

    #[test]
    fn strict_prefixes_end_at_segments() {
        let strict = Syntax { strict_prefix: true, ..V3 };
        for (path, wanted) in [
            ("/foo", r#"(Path("/foo") || PathPrefix("/foo/"))"#),
            ("/foo/", r#"(Path("/foo") || PathPrefix("/foo/"))"#),
            ("/", r#"PathPrefix("/")"#),
        ] {
            assert_eq!(rule(strict, "", path, Prefix, "").unwrap().0, wanted);
        }
        assert_eq!(rule(strict, "", "/foo", Exact, "").unwrap().0, r#"Path("/foo")"#);
    }

    #[test]
    fn every_kind_of_path_counts_the_same() {
        let strict = Syntax { strict_prefix: true, ..V3 };
        for path in ["/foo", "/foo\"bar", "/f\u{7}é"] {
            let counts = [
                rule(V3, "a.b", path, Exact, ""),
                rule(V3, "a.b", path, Prefix, ""),
                rule(strict, "a.b", path, Exact, ""),
                rule(strict, "a.b", path, Prefix, ""),
                rule(V3, "a.b", path, ImplementationSpecific, "Path"),
                rule(V3, "a.b", path, ImplementationSpecific, ""),
            ];
            let counts: Vec<_> = counts
                .into_iter()
                .map(Result::unwrap)
                .map(|(rule, order)| (rule.len() - usize::from(order.discount), usize::from(order.length), order.exact))
                .collect();
            let (count, ..) = counts[0];
            assert_eq!(
                counts,
                [true, false, true, false, true, false].map(|exact| (count, path.len(), exact)),
                "{path}"
            );
        }
    }

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, wanted) in [
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\u{7}\n\t\u{1}\u{7f}", r#""\a\n\t\x01\x7f""#),
            ("é 語", "\"é 語\""),
            ("a'b e\u{301}\u{1f600}", "\"a'b e\u{301}\u{1f600}\""),
            ("\u{378}\u{e000}\u{ad}", r#""\u0378\ue000\u00ad""#),
            ("\u{a0}\u{200b}\u{feff}", r#""\u00a0\u200b\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(out, wanted);
        }
    }
}
