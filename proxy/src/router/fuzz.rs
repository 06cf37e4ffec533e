//! Properties of rules that hold for any text.

use super::CompiledRule;
use flow_model::config::RuleSyntax;
use flow_model::rule::Rule;

/// Reads and compiles a rule: an error is within its text.
pub(crate) fn rule(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for syntax in [RuleSyntax::V2, RuleSyntax::V3] {
        let compiled = Rule::parse(text, syntax).and_then(|rule| CompiledRule::compile(&rule));
        if let Err(error) = compiled {
            assert!(error.at <= text.len(), "{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rule;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const TOKENS: &[&str] = &[
        "Host",
        "Path",
        "HeadersRegexp",
        "Query",
        "(",
        "(",
        ")",
        ")",
        "`/a`",
        "`/{a:[b-c]+}`",
        "\"\\x41\"",
        "&&",
        "||",
        "!",
        ",",
        " ",
        "\n",
        "/*",
        "HostRegexp(`^a`)",
        "Host(`*.a`)",
        "PathRegexp(`^/a|b`)",
        "ClientIP(`::ffff:10.0.0.0/104`)",
    ];

    proptest! {
        #[test]
        fn no_likely_rule_is_fatal(tokens in vec(select(TOKENS), 0..14)) {
            rule(tokens.concat().as_bytes());
        }
    }
}
