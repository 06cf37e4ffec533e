//! Rules: the conditions on a router's requests, in the language of Traefik 3 or of Traefik 2.
//!
//! Text → `lexer` → `parser` → the matchers of one syntax (`v3`, `v2`) → [`Expr`]. The result is pure data; the data plane
//! compiles it. A rule's default priority is the byte length of its text, which the caller holds.

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

#[cfg(test)]
mod tests;

pub use ast::{Expr, HostPattern, Matcher, Pattern};
pub use error::{RuleError, RuleProblem};

use crate::config::RuleSyntax;

/// A rule that has been read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The condition.
    pub expr: Expr,
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
            RuleSyntax::V2 => &v2::VOCABULARY,
            RuleSyntax::Default | RuleSyntax::V3 => &v3::VOCABULARY,
        };
        let (expr, hosts) = parser::parse(text, vocabulary)?;
        Ok(Self { expr, hosts })
    }

    /// Returns every value of a `Host` matcher that is not negated, lower-cased, each once, in the rule's order.
    ///
    /// TLS options are chosen by these, and certificate resolvers are asked for them (Traefik since 3.7.13).
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| &**host)
    }
}
