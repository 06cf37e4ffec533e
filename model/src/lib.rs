//! The vocabulary of flow-proxy: dynamic configuration, rules, names, diagnostics. No I/O.
//!
//! ```text
//!   providers ──▶ config::Source { provider, precedence, Config } ──▶ data plane ──▶ runtime::Runtime ──▶ API
//!                                    │                                                    ▲
//!                                    └── rule, middleware, entry_point, name              └── diagnostic
//! ```
//!
//! Providers produce [`config::Config`] values; the data plane merges and compiles them; the API shows [`runtime::Runtime`].
//!
//! A rule is read once, and says what is wrong with it and where:
//! ```
//! use flow_model::config::RuleSyntax;
//! use flow_model::rule::Rule;
//!
//! let rule: Rule = Rule::parse("Host(`Shop.test`) && !PathPrefix(`/admin`)", RuleSyntax::V3)?;
//! assert_eq!(rule.hosts().collect::<Vec<_>>(), ["shop.test"]);
//!
//! let error = Rule::parse("Host(`shop.test`) & Path(`/`)", RuleSyntax::V3).unwrap_err();
//! assert!(error.to_string().contains("&&"), "{error}");
//! # Ok::<(), flow_model::rule::RuleError>(())
//! ```

pub mod challenge;
pub mod config;
pub mod diagnostic;
pub mod duration;
mod encoded_characters;
pub mod entry_point;
pub mod middleware;
pub mod name;
pub mod nearest;
pub mod persistent_map;
pub mod rule;
pub mod runtime;

/// True if the value is its type's default: serde then leaves the field out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// True if there is no value or the default: serde then leaves the field out.
#[expect(clippy::ref_option, reason = "serde asks for a reference")]
fn is_none_or_default<T: Default + PartialEq>(value: &Option<T>) -> bool {
    value.as_ref().is_none_or(is_default)
}
