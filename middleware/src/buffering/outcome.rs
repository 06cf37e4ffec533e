//! The terms of the condition of another try: the number of tries, and the outcome of the last one.

use crate::expression::{Parser, Term};
use crate::middleware_error::ExpressionError;

/// A property of the last try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The number of tries so far.
    Attempts,
    /// True for 502 and 504.
    IsNetworkError,
    /// The status of the response.
    ResponseCode,
}

impl Outcome {
    /// Its number after so many tries, of which the last had this status.
    pub(super) fn number(self, attempts: u32, status: u16) -> f64 {
        match self {
            Self::Attempts => f64::from(attempts),
            Self::IsNetworkError => f64::from(u8::from(matches!(status, 502 | 504))),
            Self::ResponseCode => f64::from(status),
        }
    }
}

impl Term for Outcome {
    const EXAMPLE: &'static str = "IsNetworkError() && Attempts() < 2";

    fn read(parser: &mut Parser<'_>) -> Result<Self, ExpressionError> {
        let all = [
            ("Attempts", Self::Attempts),
            ("IsNetworkError", Self::IsNetworkError),
            ("ResponseCode", Self::ResponseCode),
        ];
        let found = all.into_iter().find(|(name, _)| parser.take(name));
        let Some((_, outcome)) = found else { return Err(parser.expected("Attempts, IsNetworkError or ResponseCode")) };
        parser.need("(")?;
        parser.need(")")?;
        Ok(outcome)
    }

    fn is_condition(&self) -> bool {
        *self == Self::IsNetworkError
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::expression::Condition;

    #[test]
    fn conditions_are_read_and_asked() {
        for (text, attempts, status, wanted) in [
            ("IsNetworkError()", 1, 502, true),
            ("IsNetworkError()", 1, 503, false),
            ("IsNetworkError() && Attempts() <= 2", 2, 504, true),
            ("IsNetworkError() && Attempts() <= 2", 3, 504, false),
            ("ResponseCode() == 503 || ResponseCode() == 500", 1, 500, true),
            ("ResponseCode() >= 500 && !IsNetworkError()", 1, 502, false),
            ("(Attempts() != 2)", 2, 200, false),
        ] {
            let condition = Condition::<Outcome>::parse(text).unwrap();
            let held = condition.holds(&mut |outcome| outcome.number(attempts, status));
            assert_eq!(held, wanted, "{text}");
        }
        for (text, at) in [("", 0), ("Attempts()", 10), ("IsNetworkError() > 1", 17), ("ResponseCode(5)", 13), ("x", 0)]
        {
            assert_eq!(Condition::<Outcome>::parse(text).unwrap_err().at, at, "{text}");
        }
    }
}
