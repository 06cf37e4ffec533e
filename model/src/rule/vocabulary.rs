//! The words of a language of rules. The grammar is the same for all: see [`super::parser`].

use super::ast::Expr;
use super::error::RuleError;
use super::names::Names;

/// The matchers of one syntax of one protocol. `M` is what they become.
pub(super) struct Vocabulary<M> {
    /// Their names.
    pub(super) names: Names,
    /// The matcher whose values are the rule's hosts, if they are not negated.
    pub(super) host_matcher: &'static str,
    /// A call, for the error message where none is found.
    pub(super) example: &'static str,
    /// Checks a call and makes the expression of it.
    pub(super) build: fn(&Call) -> Result<Expr<M>, RuleError>,
}

/// A matcher and its arguments.
pub(super) struct Call {
    /// Its position in the rule, in bytes from 0.
    pub(super) at: usize,
    /// Its name as documented.
    pub(super) name: &'static str,
    /// The arguments in order; none of them is empty.
    pub(super) arguments: Vec<Argument>,
}

/// One argument of a call.
pub(super) struct Argument {
    /// Its position in the rule, in bytes from 0.
    pub(super) at: usize,
    /// Its value.
    pub(super) text: String,
}

#[cfg(test)]
mod tests {
    //! Another protocol's rules are a vocabulary, not another grammar: Traefik's rules of TCP routers.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::rule::arguments::{ascii, network, one, pattern};
    use crate::rule::{HostPattern, Pattern, Rule};
    use ipnet::IpNet;

    #[derive(Clone, Debug, PartialEq)]
    enum Matcher {
        Alpn(String),
        ClientIp(IpNet),
        HostSni(HostPattern),
        HostSniRegexp(Pattern),
    }

    static TCP: Vocabulary<Matcher> = Vocabulary {
        names: Names {
            known: &["ALPN", "ClientIP", "HostSNI", "HostSNIRegexp"],
            foreign: &[],
            foreign_syntax: "the syntax of version 2",
        },
        host_matcher: "HostSNI",
        example: "a matcher such as HostSNI(`example.com`)",
        build: |call| {
            let value = one(call)?;
            Ok(Expr::Is(match call.name {
                "ALPN" => Matcher::Alpn(value.text.clone()),
                "ClientIP" => Matcher::ClientIp(network(value)?),
                "HostSNI" => Matcher::HostSni(HostPattern::parse(ascii(call, value)?)),
                _ => Matcher::HostSniRegexp(pattern(value)),
            }))
        },
    };

    fn error(text: &str) -> String {
        Rule::read(text, &TCP).unwrap_err().to_string()
    }

    #[test]
    fn another_protocol_has_the_same_grammar() {
        let rule = Rule::read("HostSNI(`A.test`) && !(clientip(`10.0.0.0/8`) || ALPN(`h2`))", &TCP).unwrap();
        let host = Matcher::HostSni(HostPattern::Exact("a.test".to_owned()));
        let network = Matcher::ClientIp("10.0.0.0/8".parse().unwrap());
        let neither = Expr::All(vec![Expr::IsNot(network), Expr::IsNot(Matcher::Alpn("h2".to_owned()))]);
        assert_eq!(rule.expr, Expr::All(vec![Expr::Is(host), neither]));
        assert_eq!(rule.hosts().collect::<Vec<_>>(), ["a.test"]);
        let rule = Rule::read("HostSNIRegexp(`^a`) || !HostSNI(`*`)", &TCP).unwrap();
        let regexp = Matcher::HostSniRegexp(Pattern { text: "^a".to_owned(), at: 14 });
        assert_eq!(rule.expr, Expr::Any(vec![Expr::Is(regexp), Expr::IsNot(Matcher::HostSni(HostPattern::Any))]));
        assert_eq!(rule.hosts().count(), 0);
    }

    #[test]
    fn errors_speak_of_its_own_matchers() {
        assert_eq!(error("HostSNJ(`a`)"), "there is no matcher HostSNJ, did you mean HostSNI? (at position 1)");
        assert_eq!(error("&&"), "expected a matcher such as HostSNI(`example.com`), found `&&` (at position 1)");
        let path = error("Path(`/`)");
        assert!(path.contains("there are ALPN, ClientIP, HostSNI, HostSNIRegexp"), "{path}");
    }
}
