#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::RuleSyntax::{Default, V2, V3};

fn v3(text: &str) -> Expr {
    Rule::parse(text, V3).unwrap().expr
}

fn v2(text: &str) -> Expr {
    Rule::parse(text, V2).unwrap().expr
}

fn complaint(text: &str, syntax: RuleSyntax) -> String {
    Rule::parse(text, syntax).unwrap_err().to_string()
}

fn path(text: &str) -> Matcher {
    Matcher::Path(text.into())
}

fn host(text: &str) -> Matcher {
    Matcher::Host(HostPattern::Exact(text.into()))
}

#[test]
fn operators_bind_as_in_go() {
    let (a, b, c) = (path("/a"), path("/b"), path("/c"));
    let is = Expr::Is;
    assert_eq!(
        v3("Path(`/a`) || Path(`/b`) && Path(`/c`)"),
        Expr::Any(vec![is(a.clone()), Expr::All(vec![is(b.clone()), is(c.clone())])])
    );
    assert_eq!(
        v3("(Path(`/a`)||Path(`/b`))&&Path(`/c`)"),
        Expr::All(vec![Expr::Any(vec![is(a.clone()), is(b.clone())]), is(c.clone())])
    );
    assert_eq!(
        v3("!Path(`/a`) && Path(`/b`)"),
        Expr::All(vec![Expr::IsNot(a.clone()), is(b.clone())]),
        "`!` takes one matcher, not the rest of the line"
    );
    assert_eq!(
        v3("!(Path(`/a`) || !(Path(`/b`) && Path(`/c`)))"),
        Expr::All(vec![Expr::IsNot(a.clone()), Expr::All(vec![is(b), is(c)])])
    );
    assert_eq!(v3("!!Path(`/a`)"), is(a.clone()));
    assert_eq!(v3("((Path(`/a`)))"), is(a));
}

#[test]
fn names_may_be_written_in_four_ways() {
    for name in ["PathPrefix", "pathprefix", "PATHPREFIX", "Pathprefix"] {
        assert_eq!(v3(&format!("{name}(`/a`)")), Expr::Is(Matcher::PathPrefix("/a".into())), "{name}");
    }
    for name in ["pathPrefix", "PAthPrefix", "pATHPREFIX"] {
        assert!(complaint(&format!("{name}(`/a`)"), V3).contains("did you mean PathPrefix?"), "{name}");
    }
    assert!(Rule::parse("clientip(`10.0.0.1`) && CLIENTIP(`10.0.0.1`) && Clientip(`10.0.0.1`)", V3).is_ok());
}

#[test]
fn values_are_go_literals() {
    for (literal, value) in [
        ("`/a\\n\"`", "/a\\n\""),
        (r#""/a\tb""#, "/a\tb"),
        (r#""/\x41\102\u00e9\U0001F600\"\\""#, "/AB\u{e9}\u{1F600}\"\\"),
        (r#""/\xc3\xa9""#, "/\u{e9}"),
        ("`/a\r\nb`", "/a\nb"),
        ("\"/\u{fc}\"", "/\u{fc}"),
    ] {
        assert_eq!(v3(&format!("Path({literal})")), Expr::Is(path(value)), "{literal}");
    }
}

#[test]
fn bad_literals() {
    for (rule, message) in [
        ("Path(`/a)", "the value that starts here has no closing backtick (at position 6)"),
        ("Path(\"/a)", "the value that starts here has no closing double quote (at position 6)"),
        ("Path(\"/a\n\")", "the value that starts here has no closing double quote (at position 6)"),
        (r#"Path("/a\d")"#, r"`\d` is no escape sequence; in backticks a backslash stands for itself (at position 9)"),
        (r#"Path("/a\'")"#, r"`\'` is no escape sequence; in backticks a backslash stands for itself (at position 9)"),
        (r#"Path("/\x4")"#, r"`\x` is no escape sequence; in backticks a backslash stands for itself (at position 8)"),
        (r#"Path("/\x+4")"#, r"`\x` is no escape sequence; in backticks a backslash stands for itself (at position 8)"),
        (
            r#"Path("/\ud800")"#,
            r"`\u` is no escape sequence; in backticks a backslash stands for itself (at position 8)",
        ),
        (r#"Path("/\777")"#, r"`\7` is no escape sequence; in backticks a backslash stands for itself (at position 8)"),
        (r#"Path("/\xff")"#, "the value is not UTF-8 once its escape sequences are resolved (at position 6)"),
        ("Path('/a')", "expected a value in backticks or double quotes, found a single quote (at position 6)"),
    ] {
        assert_eq!(complaint(rule, V3), message, "{rule}");
    }
}

#[test]
fn blanks_comments_and_line_breaks() {
    for good in [
        " Path ( `/a` ) ",
        "Path(`/a`)\n",
        "\n\nPath(`/a`)\n\n",
        "Path(`/a`,)",
        "/* both */ Path(`/a`) // really",
        "Path(\n`/a`)",
    ] {
        assert_eq!(v3(good), Expr::Is(path("/a")), "{good:?}");
    }
    assert!(Rule::parse("Path(`/a`) ||\n Path(`/b`)", V3).is_ok());
    for bad in [
        "Path(`/a`)\n|| Path(`/b`)",
        "Path(`/a`\n)",
        "(Path(`/a`)\n)",
        "Path(`/a`) /*\n*/ || Path(`/b`)",
        "Path\n(`/a`)",
    ] {
        assert!(complaint(bad, V3).starts_with("a line may only end after"), "{bad:?}");
    }
    assert!(complaint("Path(`/a`) /* open", V3).contains("`*/`"));
}

#[test]
fn says_what_was_expected() {
    for (rule, message) in [
        ("", "the rule is empty (at position 1)"),
        (" \n", "the rule is empty (at position 1)"),
        ("Path(`/a`) &&", "expected a matcher such as Host(`example.com`), found the end of the rule (at position 14)"),
        ("Path(`/a`) & Path(`/b`)", "expected `&&`, found a single `&` (at position 12)"),
        ("Path(`/a`) | Path(`/b`)", "expected `||`, found a single `|` (at position 12)"),
        ("Path(`/a`) Path(`/b`)", "expected `&&`, `||` or the end of the rule, found `Path` (at position 12)"),
        ("(Path(`/a`)", "expected `&&`, `||` or `)`, found the end of the rule (at position 12)"),
        ("Path(`/a`))", "expected `&&`, `||` or the end of the rule, found `)` (at position 11)"),
        ("Path", "expected `(` after the matcher's name, found the end of the rule (at position 5)"),
        ("Path:/a", "expected a matcher, an operator or a value in backticks, found `:` (at position 5)"),
        ("Path(/a)", "expected a matcher, an operator or a value in backticks, found `/` (at position 6)"),
        ("Path(a)", "expected a value in backticks or double quotes, found `a` (at position 6)"),
        ("Path(5)", "expected a value in backticks or double quotes, found `5` (at position 6)"),
        ("Path(`/a` `/b`)", "expected `,` or `)`, found the value \"/b\" (at position 11)"),
        ("Path(,)", "expected a value in backticks or double quotes, found `,` (at position 6)"),
        ("`/a`", "expected a matcher such as Host(`example.com`), found the value \"/a\" (at position 1)"),
        (
            "Path(`/a`) == Path(`/a`)",
            "expected a matcher, an operator or a value in backticks, found `=` (at position 12)",
        ),
        ("Hots(`a`)", "there is no matcher Hots, did you mean Host? (at position 1)"),
        ("Path(`/a`) and Path(`/b`)", "expected `&&`, `||` or the end of the rule, found `and` (at position 12)"),
        ("not(Path(`/b`))", "there is no matcher not; the operators are `&&`, `||` and `!` (at position 1)"),
        (
            "Headers(`a`, `b`)",
            "there is no matcher Headers (the syntax of version 2 has one), did you mean Header? (at position 1)",
        ),
    ] {
        assert_eq!(complaint(rule, V3), message, "{rule:?}");
    }
    assert!(complaint("Xyzzyxyzzy(`a`)", V3).contains("there are ClientIP, Header,"));
    assert!(complaint("PathRegexp(`a`)", V2).contains("(the syntax of version 3 has one)"));
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let nested = |depth: usize| format!("{}Path(`/a`){}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(v3(&nested(100)), Expr::Is(path("/a")));
    assert!(complaint(&nested(101), V3).contains("deeper than 100 levels"));
    assert!(complaint(&nested(1_000_000), V3).contains("deeper than 100 levels"));
    assert_eq!(v3(&format!("{}Path(`/a`)", "!".repeat(100_001))), Expr::IsNot(path("/a")));
}

#[test]
fn arguments_of_version_3() {
    for (rule, message) in [
        ("Host()", "Host takes 1 argument, got 0 (at position 1)"),
        ("Host(`a`, `b`)", "Host takes 1 argument, got 2; join several matchers with `||` (at position 1)"),
        ("Header(`a`)", "Header takes 2 arguments, got 1; join several matchers with `&&` (at position 1)"),
        (
            "Query(`a`, `b`, `c`)",
            "Query takes 1 or 2 arguments, got 3; join several matchers with `&&` (at position 1)",
        ),
        ("Host(``)", "Host has an empty argument (at position 6)"),
        ("Header(`a`, ``)", "Header has an empty argument (at position 13)"),
        ("Path(`a`)", "Path takes a path that starts with `/`, not \"a\" (at position 6)"),
        ("PathPrefix(`a`)", "PathPrefix takes a path that starts with `/`, not \"a\" (at position 12)"),
        (
            "ClientIP(`10.0.0.0/33`)",
            "ClientIP takes an IP address or a network such as 10.0.0.0/8, not \"10.0.0.0/33\" (at position 10)",
        ),
    ] {
        assert_eq!(complaint(rule, V3), message);
    }
    assert!(complaint("Host(`b\u{fc}cher.de`)", V3).starts_with("Host takes ASCII characters only"));
    assert!(complaint("HostRegexp(`b\u{fc}cher`)", V3).starts_with("HostRegexp takes ASCII characters only"));
    assert_eq!(v3("Method(`get`)"), Expr::Is(Matcher::Method("GET".into())));
    assert_eq!(v3("QueryRegexp(`k`)"), v3("Query(`k`)"));
    assert_eq!(v3("ClientIP(`10.1.2.3/8`)"), v3("ClientIP(`10.0.0.0/8`)"));
    assert_eq!(v3("ClientIP(`::ffff:10.0.0.1`)"), v3("ClientIP(`10.0.0.1/32`)"));
    assert_eq!(v3("ClientIP(`::ffff:10.0.0.0/104`)"), v3("ClientIP(`10.0.0.0/8`)"));
}

#[test]
fn hosts_of_version_3() {
    for (text, pattern) in [
        ("Example.COM", HostPattern::Exact("example.com".into())),
        ("example.com.", HostPattern::Exact("example.com".into())),
        ("*.example.com", HostPattern::Wildcard(".example.com".into())),
        ("*.Example.com.", HostPattern::Wildcard(".example.com".into())),
        ("*", HostPattern::Any),
    ] {
        assert_eq!(v3(&format!("Host(`{text}`)")), Expr::Is(Matcher::Host(pattern)), "{text}");
    }
}

#[test]
fn remembers_every_host() {
    let rule = "Host(`B.com`) && !Host(`a.com`) || host(`*.c.com`) || HostRegexp(`d.com`) || Host(`b.COM`)";
    assert_eq!(Rule::parse(rule, V3).unwrap().hosts().collect::<Vec<_>>(), ["b.com", "*.c.com"]);
    let rule = "Host(`a.com`, `b.com`) || HostHeader(`c.com`)";
    assert_eq!(Rule::parse(rule, V2).unwrap().hosts().collect::<Vec<_>>(), ["a.com", "b.com"]);
}

#[test]
fn hosts_that_a_rule_excludes_are_not_its_own() {
    for (rule, syntax, wanted) in [
        ("Host(`f`) && !(Host(`x`) || Host(`y`))", V3, &["f"][..]),
        ("!Host(`a`)", V3, &[]),
        ("!!Host(`a`)", V3, &["a"]),
        ("!(Path(`/x`) || !Host(`a`)) && !Host(`b`)", V3, &["a"]),
        ("!Host(`a`) || Host(`a`)", V3, &["a"]),
        ("!Host(`a`, `b`) && Host(`c`)", V2, &["c"]),
    ] {
        assert_eq!(Rule::parse(rule, syntax).unwrap().hosts().collect::<Vec<_>>(), wanted, "{rule}");
    }
}

#[test]
fn the_default_syntax_is_version_3() {
    assert_eq!(Rule::parse("Host(`a`)", Default), Rule::parse("Host(`a`)", V3));
    assert!(Rule::parse("Host(`a`, `b`)", Default).is_err());
}

#[test]
fn version_2_takes_many_arguments() {
    assert_eq!(v2("Host(`a`, `B.`)"), Expr::Any(vec![Expr::Is(host("a")), Expr::Is(host("b"))]));
    assert_eq!(v2("!HostHeader(`a`, `b`)"), Expr::All(vec![Expr::IsNot(host("a")), Expr::IsNot(host("b"))]));
    assert_eq!(v2("Host(`*.a`)"), Expr::Is(host("*.a")), "no wildcards");
    assert_eq!(v2("Method(`get`, `PUT`)"), v3("Method(`GET`) || Method(`PUT`)"));
    assert_eq!(v2("ClientIP(`10.0.0.1`, `::1`)"), v3("ClientIP(`10.0.0.1`) || ClientIP(`::1`)"));
    assert_eq!(v2("Headers(`a`, `1`, `b`, `2`, `a`, `3`)"), v3("Header(`b`, `2`) && Header(`a`, `3`)"));
    let regexp = |rule: &str, matcher: fn(String, Pattern) -> Matcher, name: &str, text: &str, at: usize| {
        let pattern = Pattern { text: text.into(), at };
        assert_eq!(v2(rule), Expr::Is(matcher(name.into(), pattern)), "{rule}");
    };
    regexp("HeadersRegexp(`a`, `[0-9]`)", |name, pattern| Matcher::HeaderRegexp { name, pattern }, "a", "[0-9]", 19);
    let query = |key, pattern| Matcher::FirstQuery { key, pattern };
    regexp("Query(`a=b.c`)", query, "a", r"^b\.c$", 6);
    regexp("Query(`a=`)", query, "a", "^.*$", 6);
    regexp("Query(`a={v:[0-9]+}`)", query, "a", "^(?:[0-9]+)$", 6);
    regexp("Query(`a`, `b`)", query, "a", "^b$", 6);
    let path = |_, pattern| Matcher::PathRegexp(pattern);
    regexp("Path(`/a/{b}.x`)", path, "", r"^/a/(?:[^/]+)\.x$", 5);
    regexp("PathPrefix(`/{b:x{2}}`)", path, "", "^/(?:x{2})", 11);
    let host = |_, pattern| Matcher::HostTemplate(pattern);
    regexp("HostRegexp(`{sub}.a.b`)", host, "", r"(?i)^(?:[^.]+)\.a\.b$", 11);
}

#[test]
fn version_2_keeps_plain_paths_plain() {
    assert_eq!(v2("Path(`/a`, `/b`)"), v3("Path(`/a`) || Path(`/b`)"));
    assert_eq!(v2("PathPrefix(`/a.b`)"), Expr::Is(Matcher::PathPrefix("/a.b".into())));
}

#[test]
fn bad_rules_of_version_2() {
    for (rule, message) in [
        ("Host()", "Host takes at least 1 argument, got 0 (at position 1)"),
        ("Headers(`a`)", "Headers takes pairs of a name and a value, got 1 (at position 1)"),
        ("Query(`a`)", "Query takes arguments of the form key=value, got 1 (at position 1)"),
        ("Path(`/a`, `b`)", "Path takes a path that starts with `/`, not \"b\" (at position 12)"),
        ("Path(`/{a`)", "the braces in \"/{a\" do not pair (at position 6)"),
        ("Path(`/a}`)", "the braces in \"/a}\" do not pair (at position 6)"),
        ("Path(`/{}`)", "`{}` needs a name and, after a colon, may have a pattern: {name:pattern} (at position 6)"),
        (
            "HostRegexp(`{a:}.b`)",
            "`{a:}` needs a name and, after a colon, may have a pattern: {name:pattern} (at position 12)",
        ),
        (
            "Header(`a`, `b`)",
            "there is no matcher Header (the syntax of version 3 has one), did you mean Headers? (at position 1)",
        ),
    ] {
        assert_eq!(complaint(rule, V2), message, "{rule}");
    }
}

#[test]
fn broken_expressions_are_found_when_compiled() {
    let Expr::Is(Matcher::PathRegexp(pattern)) = v3("PathRegexp(`/(a`)") else { panic!("another matcher") };
    let error = pattern.compile().unwrap_err().to_string();
    assert_eq!(error, "the regular expression `/(a` is not valid: unclosed group (at position 12)");
}

#[test]
fn expressions_mean_what_they_mean_in_go() {
    for (pattern, yes, no) in [
        (r"^\d+$", "12", "\u{663}"),
        (r"^\w$", "a", "\u{e9}"),
        (r"^\W$", "\u{e9}", "a"),
        (r"^\s$", " ", "\u{a0}"),
        (r"^[\d]$", "1", "\u{663}"),
        (r"^[^\w]$", "\u{e9}", "b"),
        (r"^[\W]$", "\u{e9}", "b"),
        (r"\bo\b", "\u{e9}o", "xo"),
        (r"^\B\W\B$", "\u{e9}", "a"),
        (r"^\Qa.b\E.$", "a.bc", "axbc"),
        (r"^\Qa.b", "a.bc", "axb"),
        (r"^a{,2}$", "a{,2}", "aa"),
        (r"^a{2}$", "aa", "a{2}"),
        (r"^a{1,}$", "aa", "a{1,}"),
        (r"^a{x}$", "a{x}", "a"),
        (r"^\x41$", "A", "x41"),
        (r"^\x{263a}$", "\u{263a}", "x"),
        (r"^\\x{2}$", r"\xx", r"\x"),
        (r"^\<a\>$", "<a>", "a"),
        (r"^\_\-\/$", "_-/", "x"),
        (r"^[a&&b]+$", "a&b", "c"),
        (r"^[!--]$", "-", "b"),
        (r"^[+--]$", ",", "."),
        (r"^[a-]+$", "a-", "b"),
        (r"^[]a]+$", "]a", "b"),
        (r"^[^]a]$", "b", "]"),
        (r"^[[a]+$", "[a", "b"),
        (r"^[[:alpha:]]$", "b", ":"),
        (r"^[\x41-\x43]$", "B", "-"),
        (r"^\p{^Greek}$", "a", "\u{3b1}"),
        (r"^\pL$", "\u{3b1}", "1"),
        (r"(?i)^a$", "A", "b"),
        (r"^(?P<x>a)$", "a", "b"),
    ] {
        let regexp = regexp::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        assert!(regexp.is_match(yes), "{pattern} takes {yes}");
        assert!(!regexp.is_match(no), "{pattern} does not take {no}");
    }
    for pattern in ["(", "[", "a**b(", r"\1", "[b-a]", r"\", "(?P<", "[a--]", "[[:foo:]]", "a{99999}{99999}"] {
        assert!(regexp::compile(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn expressions_have_a_limit() {
    let refused = |pattern: String| regexp::compile(&pattern).unwrap_err().to_string();
    assert!(regexp::compile(&"(a|b)".repeat(2_000)).is_ok());
    assert_eq!(refused("(a|b)".repeat(200_000)), "it has more than 65536 bytes");
    for class in [r"\pL", r"\P{Greek}", r"[\pN]"] {
        assert_eq!(refused(class.repeat(1_001)), "it has more than 1000 Unicode classes", "{class}");
    }
    assert!(refused("((a{1,999}){1,999}){1,999}".to_owned()).contains("exceeds size limit"));
}

mod generated {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_is_fatal(text in "[ -~\n`\u{fc}]{0,40}") {
            let _ = (Rule::parse(&text, V2), Rule::parse(&text, V3));
        }

        #[test]
        fn no_likely_text_is_fatal(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..14)) {
            let text = tokens.concat();
            for syntax in [V2, V3] {
                if let Err(error) = Rule::parse(&text, syntax) {
                    prop_assert!(error.at <= text.len());
                }
            }
        }

        #[test]
        fn no_expression_is_fatal(text in r"[\[\]\\{}()^&~a-cdwsQExpL:0-9,?*+|.-]{0,24}") {
            let _ = regexp::compile(&text);
        }
    }

    const TOKENS: &[&str] = &[
        "Host",
        "Path",
        "Query",
        "(",
        "(",
        ")",
        ")",
        "`/a`",
        "`{a}`",
        "\"\\x41\"",
        "\"",
        "`",
        "&&",
        "||",
        "!",
        ",",
        " ",
        "\n",
        "//",
        "/*",
        "*/",
    ];
}
