//! Conditions in configurations: comparisons of terms with numbers, joined by `&&`, `||`, `!`.

use crate::middleware_error::ExpressionError;
use std::cmp::Ordering;

/// The terms of a kind of conditions, each of which has a number when the condition is asked.
pub(crate) trait Term: Sized {
    /// A condition of this kind.
    const EXAMPLE: &'static str;

    /// Reads a term.
    ///
    /// # Errors
    /// If there is none, or its arguments are wrong.
    fn read(parser: &mut Parser<'_>) -> Result<Self, ExpressionError>;

    /// True if it is a condition by itself, which holds unless the number is zero.
    fn is_condition(&self) -> bool {
        false
    }
}

/// A condition.
#[derive(Debug, PartialEq)]
pub(crate) enum Condition<T> {
    All(Box<Self>, Box<Self>),
    Any(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(T, Comparison, f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl<T: Term> Condition<T> {
    /// Reads an expression. `&&` binds closer than `||`.
    ///
    /// # Errors
    /// The first mistake.
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser { text, at: 0, depth: 0, example: T::EXAMPLE };
        let condition = parser.any()?;
        if parser.rest().is_empty() { Ok(condition) } else { Err(parser.expected("&&, || or the end")) }
    }
}

impl<T> Condition<T> {
    /// True if `is_wanted` of one of its terms.
    pub(crate) fn has(&self, is_wanted: fn(&T) -> bool) -> bool {
        match self {
            Self::All(a, b) | Self::Any(a, b) => a.has(is_wanted) || b.has(is_wanted),
            Self::Not(inner) => inner.has(is_wanted),
            Self::Compare(term, ..) => is_wanted(term),
        }
    }

    /// True if the condition holds, where `value` knows the number of each term.
    pub(crate) fn holds(&self, value: &mut impl FnMut(&T) -> f64) -> bool {
        match self {
            Self::All(a, b) => a.holds(value) && b.holds(value),
            Self::Any(a, b) => a.holds(value) || b.holds(value),
            Self::Not(inner) => !inner.holds(value),
            Self::Compare(term, comparison, number) => {
                let order = value(term).partial_cmp(number);
                match comparison {
                    Comparison::Equal => order == Some(Ordering::Equal),
                    Comparison::Unequal => order != Some(Ordering::Equal),
                    Comparison::Less => order == Some(Ordering::Less),
                    Comparison::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    Comparison::Greater => order == Some(Ordering::Greater),
                    Comparison::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                }
            }
        }
    }
}

/// A reader of an expression.
pub(crate) struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Parentheses and negations that are open.
    depth: usize,
    example: &'static str,
}

/// Parentheses deeper than this are nobody's: the bound keeps the stack small.
const MAX_DEPTH: usize = 32;

impl<'a> Parser<'a> {
    /// The unread rest, without leading spaces.
    pub(crate) fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// The mistake at this place.
    pub(crate) fn expected(&self, expected: &'static str) -> ExpressionError {
        self.expected_at(self.at, expected)
    }

    /// The mistake at another place.
    pub(crate) fn expected_at(&self, at: usize, expected: &'static str) -> ExpressionError {
        ExpressionError { at, expected, example: self.example }
    }

    /// The place of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Takes a token if it is next.
    pub(crate) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Takes a token, which must be next.
    pub(crate) fn need(&mut self, token: &'static str) -> Result<(), ExpressionError> {
        if self.take(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    fn any<T: Term>(&mut self) -> Result<Condition<T>, ExpressionError> {
        let mut condition = self.all()?;
        while self.take("||") {
            condition = Condition::Any(Box::new(condition), Box::new(self.all()?));
        }
        Ok(condition)
    }

    fn all<T: Term>(&mut self) -> Result<Condition<T>, ExpressionError> {
        let mut condition = self.one()?;
        while self.take("&&") {
            condition = Condition::All(Box::new(condition), Box::new(self.one()?));
        }
        Ok(condition)
    }

    fn one<T: Term>(&mut self) -> Result<Condition<T>, ExpressionError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.expected("a simpler condition"));
        }
        self.depth += 1;
        let condition = if self.take("!") {
            Condition::Not(Box::new(self.one()?))
        } else if self.take("(") {
            let inner = self.any()?;
            self.need(")")?;
            inner
        } else {
            let term = T::read(self)?;
            if term.is_condition() {
                Condition::Compare(term, Comparison::Unequal, 0.0)
            } else {
                let comparison = self.comparison()?;
                Condition::Compare(term, comparison, self.number()?)
            }
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Comparison, ExpressionError> {
        let found = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let found = found.into_iter().find(|(token, _)| self.take(token));
        found.map(|(_, comparison)| comparison).ok_or_else(|| self.expected("a comparison"))
    }

    /// Takes a number.
    pub(crate) fn number(&mut self) -> Result<f64, ExpressionError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = rest.get(..end).and_then(|digits| digits.parse().ok()).ok_or_else(|| self.expected("a number"))?;
        self.at += end;
        Ok(number)
    }

    /// Takes a status.
    pub(crate) fn status(&mut self) -> Result<u16, ExpressionError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let status = rest.get(..end).and_then(|digits| digits.parse().ok()).ok_or_else(|| self.expected("a status"))?;
        self.at += end;
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::circuit_breaker::measures::Measure;

    #[test]
    fn expressions_of_the_documentation_are_read() {
        for (text, condition) in [
            ("NetworkErrorRatio() > 0.5", Condition::Compare(Measure::NetworkErrorRatio, Comparison::Greater, 0.5)),
            (
                "LatencyAtQuantileMS(50.0)>=100",
                Condition::Compare(Measure::LatencyAtQuantileMs(50.0), Comparison::AtLeast, 100.0),
            ),
            (
                " ResponseCodeRatio( 500, 600,0,600 ) != 0.25 ",
                Condition::Compare(Measure::ResponseCodeRatio([500, 600, 0, 600]), Comparison::Unequal, 0.25),
            ),
        ] {
            assert_eq!(Condition::parse(text).unwrap(), condition, "{text}");
        }
        let of = |number| Box::new(Condition::Compare(Measure::NetworkErrorRatio, Comparison::Less, number));
        let parsed =
            Condition::parse("NetworkErrorRatio() < 1 || NetworkErrorRatio() < 2 && !(NetworkErrorRatio() < 3)");
        let wanted = Condition::Any(of(1.0), Box::new(Condition::All(of(2.0), Box::new(Condition::Not(of(3.0))))));
        assert_eq!(parsed.unwrap(), wanted);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, at) in [
            ("", 0),
            ("NetworkErrorRatio()", 19),
            ("NetworkErrorRatio() > ", 22),
            ("NetworkErrorRatio( > 1", 19),
            ("Unknown() > 1", 0),
            ("ResponseCodeRatio(500, 600) > 1", 26),
            ("ResponseCodeRatio(500, 99999, 0, 1) > 1", 23),
            ("LatencyAtQuantileMS(101) > 1", 20),
            ("NetworkErrorRatio() > 1 NetworkErrorRatio() > 1", 24),
            ("(NetworkErrorRatio() > 1", 24),
        ] {
            assert_eq!(Condition::<Measure>::parse(text).unwrap_err().at, at, "{text}");
        }
        assert!(Condition::<Measure>::parse(&"(".repeat(1 << 20)).is_err(), "no deep stack");
        assert!(Condition::<Measure>::parse(&"!".repeat(1 << 20)).is_err());
    }
}
