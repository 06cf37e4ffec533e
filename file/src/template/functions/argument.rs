//! Arguments and results of functions, by Go's rules.

use gtmpl_ng::{FuncError, Number, NumberKind, Value};
use std::collections::HashMap;

/// The result of a function.
pub(super) type Outcome = Result<Value, FuncError>;

/// The longest text that a function makes.
pub(super) const MAX_TEXT: usize = 1 << 24;

pub(super) fn fault(message: impl Into<String>) -> FuncError {
    FuncError::Generic(message.into())
}

/// The arguments, if there are exactly `N`.
pub(super) fn exactly<const N: usize>(arguments: &[Value]) -> Result<&[Value; N], FuncError> {
    arguments.try_into().map_err(|_| fault(format!("it takes {N} arguments, not {}", arguments.len())))
}

/// The first argument and the others.
pub(super) fn at_least_one(arguments: &[Value]) -> Result<(&Value, &[Value]), FuncError> {
    arguments.split_first().ok_or_else(|| fault("it takes at least one argument"))
}

/// A text; nothing else is taken for one.
pub(super) fn text(value: &Value) -> Result<&str, FuncError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(fault(format!("it takes a text, not {other}"))),
    }
}

pub(super) fn list(value: &Value) -> Result<&[Value], FuncError> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(fault(format!("it takes a list, not {other}"))),
    }
}

pub(super) fn dictionary(value: &Value) -> Result<&HashMap<String, Value>, FuncError> {
    match value {
        Value::Map(entries) | Value::Object(entries) => Ok(entries),
        other => Err(fault(format!("it takes a dictionary, not {other}"))),
    }
}

/// A whole number; nothing else is taken for one.
pub(super) fn whole(value: &Value) -> Result<i64, FuncError> {
    match value {
        Value::Number(number) => number.as_i64().ok_or_else(|| fault(format!("it takes a whole number, not {number}"))),
        other => Err(fault(format!("it takes a whole number, not {other}"))),
    }
}

/// A number of bytes, characters or items.
pub(super) fn size(value: &Value) -> Result<usize, FuncError> {
    let number = whole(value)?;
    usize::try_from(number).map_err(|_| fault(format!("it takes a number from 0 on, not {number}")))
}

/// A whole number made of anything; zero of what is none (Sprig's `toInt64`).
pub(super) fn to_whole(value: &Value) -> i64 {
    match value {
        Value::Number(number) => match number.kind() {
            NumberKind::Signed(number) => number,
            NumberKind::Unsigned(number) => i64::try_from(number).unwrap_or(i64::MAX),
            NumberKind::Float(number) => number as i64,
        },
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => text.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0),
        _ => 0,
    }
}

/// A number made of anything; zero of what is none (Sprig's `toFloat64`).
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Number(number) => match number.kind() {
            NumberKind::Signed(number) => number as f64,
            NumberKind::Unsigned(number) => number as f64,
            NumberKind::Float(number) => number,
        },
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => text.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// The text of any value, as Go's `%v` writes it.
pub(super) fn shown(value: &Value) -> String {
    value.to_string()
}

/// True for what Go takes for nothing: zero, false, no text, an empty list or dictionary.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::NoValue | Value::Nil => true,
        Value::Bool(value) => !value,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Map(entries) | Value::Object(entries) => entries.is_empty(),
        Value::Number(_) => to_float(value) == 0.0,
        Value::Function(_) => false,
    }
}

pub(super) fn is_nil(value: &Value) -> bool {
    matches!(value, Value::Nil | Value::NoValue)
}

pub(super) fn float(number: f64) -> Value {
    Value::Number(Number::float(number))
}

pub(super) fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::String(item.into())).collect())
}
