//! Rules: the conditions on a router's requests, in the language of Traefik 3 or of Traefik 2.
//!
//! Text → `lexer` → `parser` → the `vocabulary` of one syntax (`v3`, `v2`) → [`Expr`]. The result is pure data; the data plane
//! compiles it. A rule's default priority is the byte length of its text, which the caller holds.

mod arguments;
mod ast;
mod error;
mod lexer;
mod literal;
mod names;
mod parser;
pub mod regexp;
mod template;
mod v2;
mod v3;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use ast::{Expr, HostPattern, Matcher, Pattern};
pub use error::{RuleError, RuleProblem};

use crate::config::RuleSyntax;
use names::Names;
use vocabulary::Vocabulary;

/// Matchers of Traefik 2 on HTTP requests.
static HTTP_V2: Vocabulary<Matcher> = Vocabulary {
    names: Names { known: v2::NAMES, foreign: v3::NAMES, foreign_syntax: "the syntax of version 3" },
    host_matcher: "Host",
    example: "a matcher such as Host(`example.com`)",
    build: v2::build,
};

/// Matchers of Traefik 3 on HTTP requests.
static HTTP_V3: Vocabulary<Matcher> = Vocabulary {
    names: Names { known: v3::NAMES, foreign: v2::NAMES, foreign_syntax: "the syntax of version 2" },
    host_matcher: "Host",
    example: "a matcher such as Host(`example.com`)",
    build: v3::build,
};

/// A rule that has been read and checked. `M` is a matcher of its protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<M = Matcher> {
    /// The condition.
    pub expr: Expr<M>,
    hosts: parser::Hosts,
}

impl Rule {
    /// Reads a rule. [`RuleSyntax::Default`] is read as version 3: the caller resolves the installation's default.
    ///
    /// Regular expressions are checked where they are compiled, see [`Pattern::compile`].
    ///
    /// # Errors
    /// The problem, its position and what was expected, worded for the author of the rule.
    pub fn parse(text: &str, syntax: RuleSyntax) -> Result<Self, RuleError> {
        let vocabulary = match syntax {
            RuleSyntax::V2 => &HTTP_V2,
            RuleSyntax::Default | RuleSyntax::V3 => &HTTP_V3,
        };
        Self::read(text, vocabulary)
    }
}

impl<M> Rule<M> {
    fn read(text: &str, vocabulary: &Vocabulary<M>) -> Result<Self, RuleError> {
        let (expr, hosts) = parser::parse(text, vocabulary)?;
        Ok(Self { expr, hosts })
    }

    /// Returns every value of a host matcher (`Host`) that is not negated, lower-cased, each once, in the rule's order.
    ///
    /// TLS options are chosen by these, and certificate resolvers are asked for them (Traefik since 3.7.13).
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| &**host)
    }
}
