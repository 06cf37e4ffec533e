//! The tokens of a rule, as Go's scanner cuts them: comments are skipped, and a line break after a value, a name or `)` counts.

use super::error::{RuleError, RuleProblem};
use super::literal;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    And,
    Close,
    Comma,
    End,
    Name(&'a str),
    NewLine,
    Not,
    Open,
    Or,
    Value(String),
}

impl Token<'_> {
    /// Returns the token as error messages name it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::And => "`&&`".into(),
            Self::Close => "`)`".into(),
            Self::Comma => "`,`".into(),
            Self::End => "the end of the rule".into(),
            Self::Name(name) => format!("`{name}`"),
            Self::NewLine => "the end of the line".into(),
            Self::Not => "`!`".into(),
            Self::Open => "`(`".into(),
            Self::Or => "`||`".into(),
            Self::Value(value) => format!("the value {value:?}"),
        }
    }

    /// True if Go puts an end of statement at a line break after the token.
    fn ends_line(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Value(_) | Self::Close)
    }
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    ends_line: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, ends_line: false }
    }

    /// Returns the next token and its position; at the end, [`Token::End`] forever.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), RuleError> {
        let newline = self.skip_blank()?;
        let at = self.at;
        let token = match newline {
            Some(_) => Token::NewLine,
            None => self.token()?,
        };
        self.ends_line = token.ends_line();
        Ok((newline.unwrap_or(at), token))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips blanks and comments; returns the position of a line break that counts.
    fn skip_blank(&mut self) -> Result<Option<usize>, RuleError> {
        loop {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else { return Ok(None) };
            if first == '\n' {
                self.at += 1;
                if self.ends_line {
                    return Ok(Some(self.at - 1));
                }
            } else if matches!(first, ' ' | '\t' | '\r') {
                self.at += 1;
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else {
                    return Err(RuleError::new(self.at, RuleProblem::Unterminated { quote: "`*/`" }));
                };
                let start = self.at;
                self.at += length + 4;
                if self.ends_line && comment.get(..length).is_some_and(|c| c.contains('\n')) {
                    return Ok(Some(start));
                }
            } else {
                return Ok(None);
            }
        }
    }

    fn token(&mut self) -> Result<Token<'a>, RuleError> {
        let rest = self.rest();
        let at = self.at;
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let (length, token) = match first {
            '(' => (1, Token::Open),
            ')' => (1, Token::Close),
            ',' => (1, Token::Comma),
            '!' => (1, Token::Not),
            '&' if rest.starts_with("&&") => (2, Token::And),
            '|' if rest.starts_with("||") => (2, Token::Or),
            '&' => return Err(RuleError::expected(at, "`&&`", "a single `&`")),
            '|' => return Err(RuleError::expected(at, "`||`", "a single `|`")),
            '`' | '"' => {
                let (length, value) = literal::read(rest).map_err(|(offset, p)| RuleError::new(at + offset, p))?;
                (length, Token::Value(value))
            }
            '\'' => return Err(RuleError::expected(at, "a value in backticks or double quotes", "a single quote")),
            c if is_name(c) => {
                let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                (length, Token::Name(rest.get(..length).unwrap_or_default()))
            }
            c => {
                return Err(RuleError::expected(
                    at,
                    "a matcher, an operator or a value in backticks",
                    format!("`{c}`"),
                ));
            }
        };
        self.at += length;
        Ok(token)
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
