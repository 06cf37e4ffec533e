//! The condition on which a circuit breaker trips: comparisons of measures with numbers, joined by `&&`, `||`, `!`.

use super::measures::{Measure, Measures};
use crate::middleware_error::ExpressionError;
use std::cmp::Ordering;
use std::time::Duration;

/// A condition.
#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    All(Box<Self>, Box<Self>),
    Any(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Measure, Comparison, f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Condition {
    /// Reads an expression. `&&` binds closer than `||`.
    ///
    /// # Errors
    /// The first mistake.
    pub(super) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let condition = parser.any()?;
        if parser.rest().is_empty() { Ok(condition) } else { Err(parser.expected("&&, || or the end")) }
    }

    /// True if it looks at latencies, which cost memory to measure.
    pub(super) fn needs_latency(&self) -> bool {
        match self {
            Self::All(a, b) | Self::Any(a, b) => a.needs_latency() || b.needs_latency(),
            Self::Not(inner) => inner.needs_latency(),
            Self::Compare(measure, ..) => matches!(measure, Measure::LatencyAtQuantileMs(_)),
        }
    }

    pub(super) fn holds(&self, measures: &mut Measures, now: Duration) -> bool {
        match self {
            Self::All(a, b) => a.holds(measures, now) && b.holds(measures, now),
            Self::Any(a, b) => a.holds(measures, now) || b.holds(measures, now),
            Self::Not(inner) => !inner.holds(measures, now),
            Self::Compare(measure, comparison, number) => {
                let order = measures.value(*measure, now).partial_cmp(number);
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

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Parentheses and negations that are open.
    depth: usize,
}

/// Parentheses deeper than this are nobody's: the bound keeps the stack small.
const MAX_DEPTH: usize = 32;

impl<'a> Parser<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        ExpressionError { at: self.at, expected }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn need(&mut self, token: &'static str) -> Result<(), ExpressionError> {
        if self.take(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    fn any(&mut self) -> Result<Condition, ExpressionError> {
        let mut condition = self.all()?;
        while self.take("||") {
            condition = Condition::Any(Box::new(condition), Box::new(self.all()?));
        }
        Ok(condition)
    }

    fn all(&mut self) -> Result<Condition, ExpressionError> {
        let mut condition = self.one()?;
        while self.take("&&") {
            condition = Condition::All(Box::new(condition), Box::new(self.one()?));
        }
        Ok(condition)
    }

    fn one(&mut self) -> Result<Condition, ExpressionError> {
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
            let measure = self.measure()?;
            let comparison = self.comparison()?;
            Condition::Compare(measure, comparison, self.number()?)
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn measure(&mut self) -> Result<Measure, ExpressionError> {
        if self.take("NetworkErrorRatio") {
            self.need("(")?;
            self.need(")")?;
            return Ok(Measure::NetworkErrorRatio);
        }
        if self.take("LatencyAtQuantileMS") {
            self.need("(")?;
            let at = self.at;
            let quantile = self.number()?;
            if !(0.0..=100.0).contains(&quantile) {
                return Err(ExpressionError { at, expected: "a percentage from 0 to 100" });
            }
            self.need(")")?;
            return Ok(Measure::LatencyAtQuantileMs(quantile));
        }
        if self.take("ResponseCodeRatio") {
            let mut codes = [0; 4];
            for (index, code) in codes.iter_mut().enumerate() {
                self.need(if index == 0 { "(" } else { "," })?;
                *code = self.status()?;
            }
            self.need(")")?;
            return Ok(Measure::ResponseCodeRatio(codes));
        }
        self.rest();
        Err(self.expected("LatencyAtQuantileMS, NetworkErrorRatio or ResponseCodeRatio"))
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

    fn number(&mut self) -> Result<f64, ExpressionError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = rest.get(..end).and_then(|digits| digits.parse().ok()).ok_or_else(|| self.expected("a number"))?;
        self.at += end;
        Ok(number)
    }

    fn status(&mut self) -> Result<u16, ExpressionError> {
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
            assert_eq!(Condition::parse(text).unwrap_err().at, at, "{text}");
        }
        assert!(Condition::parse(&"(".repeat(1 << 20)).is_err(), "no deep stack");
        assert!(Condition::parse(&"!".repeat(1 << 20)).is_err());
    }
}
