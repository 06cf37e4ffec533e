use thiserror::Error;

/// The reason why a rule cannot be served, worded for its author.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{problem} (at position {})", at + 1)]
pub struct RuleError {
    /// The position, in bytes from 0; shown counted from 1.
    pub at: usize,
    /// The problem.
    pub problem: RuleProblem,
}

impl RuleError {
    pub(super) fn new(at: usize, problem: RuleProblem) -> Self {
        Self { at, problem }
    }

    pub(super) fn expected(at: usize, expected: &'static str, found: impl Into<String>) -> Self {
        Self::new(at, RuleProblem::Expected { expected, found: found.into() })
    }
}

/// The problem of a rule.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RuleProblem {
    /// A matcher with the wrong number of arguments.
    #[error("{matcher} takes {takes}, got {got}{hint}")]
    Arguments {
        /// Its name.
        matcher: &'static str,
        /// The number that it takes.
        takes: &'static str,
        /// The number that it got.
        got: usize,
        /// The way out, if there is one.
        hint: &'static str,
    },
    /// An argument without text.
    #[error("{matcher} has an empty argument")]
    EmptyArgument {
        /// The matcher.
        matcher: &'static str,
    },
    /// The rule is empty.
    #[error("the rule is empty")]
    Empty,
    /// An escape sequence that Go does not know.
    #[error("`{sequence}` is no escape sequence; in backticks a backslash stands for itself")]
    Escape {
        /// As written.
        sequence: String,
    },
    /// Something else was expected.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// The token that was expected.
        expected: &'static str,
        /// The token that was found.
        found: String,
    },
    /// A host that a request can never name.
    #[error(
        "{matcher} takes ASCII characters only, and {value:?} has others; write international names in Punycode (xn--…)"
    )]
    HostNotAscii {
        /// The matcher.
        matcher: &'static str,
        /// The value.
        value: String,
    },
    /// Not an address or network.
    #[error("ClientIP takes an IP address or a network such as 10.0.0.0/8, not {value:?}")]
    Network {
        /// The value.
        value: String,
    },
    /// A line break where Go ends an expression.
    #[error("a line may only end after `&&`, `||`, `!`, `(` or `,`: move the operator to the end of the line before")]
    NewLine,
    /// Parentheses are nested too deeply.
    #[error("parentheses nest deeper than {limit} levels")]
    Nesting {
        /// The deepest nesting allowed.
        limit: usize,
    },
    /// A path that no request can have.
    #[error("{matcher} takes a path that starts with `/`, not {value:?}")]
    Path {
        /// The matcher.
        matcher: &'static str,
        /// The value.
        value: String,
    },
    /// A broken regular expression.
    #[error("the regular expression `{pattern}` is not valid: {reason}")]
    Regexp {
        /// The expression.
        pattern: String,
        /// The problem.
        reason: String,
    },
    /// Braces of a version 2 template that do not pair.
    #[error("the braces in {value:?} do not pair")]
    TemplateBraces {
        /// The template.
        value: String,
    },
    /// A version 2 template variable without name or pattern.
    #[error("`{variable}` needs a name and, after a colon, may have a pattern: {{name:pattern}}")]
    TemplateVariable {
        /// The variable with its braces.
        variable: String,
    },
    /// No such matcher.
    #[error("there is no matcher {name}{hint}")]
    UnknownMatcher {
        /// As written.
        name: String,
        /// The matcher that was perhaps meant.
        hint: String,
    },
    /// A value that does not end.
    #[error("the value that starts here has no closing {quote}")]
    Unterminated {
        /// The missing quote, by name.
        quote: &'static str,
    },
    /// Escapes that do not make UTF-8.
    #[error("the value is not UTF-8 once its escape sequences are resolved")]
    Utf8,
}
