use thiserror::Error;

/// Why a rule cannot be served, in words for its author.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{problem} (at position {})", at + 1)]
pub struct RuleError {
    /// Where, in bytes from 0; shown counted from 1.
    pub at: usize,
    /// What.
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

/// What is wrong with a rule.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RuleProblem {
    /// A matcher with the wrong number of arguments.
    #[error("{matcher} takes {takes}, got {got}{hint}")]
    Arguments {
        /// Its name.
        matcher: &'static str,
        /// How many it takes.
        takes: &'static str,
        /// How many there are.
        got: usize,
        /// The way out, where there is one.
        hint: &'static str,
    },
    /// An argument without text.
    #[error("{matcher} has an empty argument")]
    EmptyArgument {
        /// The matcher.
        matcher: &'static str,
    },
    /// Nothing to read.
    #[error("the rule is empty")]
    Empty,
    /// An escape sequence that Go does not know.
    #[error("`{sequence}` is no escape sequence; in backticks a backslash stands for itself")]
    Escape {
        /// As written.
        sequence: String,
    },
    /// Something else was due.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What was due.
        expected: &'static str,
        /// What is there.
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
    /// Parentheses within parentheses beyond reason.
    #[error("parentheses nest deeper than {limit} levels")]
    Nesting {
        /// How deep they may.
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
        /// What is wrong with it.
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
        /// What may have been meant.
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
