use super::Named;
use super::argument::{at_least_one, exactly, fault, is_empty, text};
use gtmpl_ng::{Func, NumberKind, Value};
use std::env;

/// Functions of choice, of kinds, and of the environment.
pub(super) const FUNCTIONS: &[Named] = &[
    ("all", |a| Ok((!a.iter().any(is_empty)).into())),
    ("any", |a| Ok((!a.iter().all(is_empty)).into())),
    ("coalesce", |a| Ok(a.iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil))),
    ("deepCopy", COPY),
    ("deepEqual", |a| exactly(a).map(|[one, other]| (one == other).into())),
    ("default", |a| {
        let (default, given) = at_least_one(a)?;
        Ok(given.first().filter(|given| !is_empty(given)).unwrap_or(default).clone())
    }),
    ("empty", |a| exactly(a).map(|[value]| is_empty(value).into())),
    // The engine's functions are plain pointers: there is no other way to the environment.
    ("env", |a| exactly(a).and_then(|[name]| Ok(variable(text(name)?).into()))),
    ("expandenv", |a| exactly(a).and_then(|[given]| Ok(expanded(text(given)?).into()))),
    ("fail", |a| exactly(a).and_then(|[message]| Err(fault(text(message)?)))),
    ("hello", |_| Ok("Hello!".into())),
    ("kindIs", |a| exactly(a).and_then(|[wanted, value]| Ok((kind(value) == text(wanted)?).into()))),
    ("kindOf", |a| exactly(a).map(|[value]| kind(value).into())),
    ("mustDeepCopy", COPY),
    ("ternary", |a| {
        let [then, otherwise, condition] = exactly(a)?;
        match condition {
            Value::Bool(true) => Ok(then.clone()),
            Value::Bool(false) => Ok(otherwise.clone()),
            other => Err(fault(format!("it takes true or false, not {other}"))),
        }
    }),
];

const COPY: Func = |a| exactly(a).map(|[value]| value.clone());

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// Go's name of the kind of a value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::NoValue | Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Map(_) => "map",
        Value::Object(_) => "struct",
        Value::Function(_) => "func",
        Value::Number(number) => match number.kind() {
            NumberKind::Float(_) => "float64",
            NumberKind::Signed(_) | NumberKind::Unsigned(_) => "int",
        },
    }
}

/// Go's `os.ExpandEnv`: `$NAME` and `${NAME}` become the variables' values.
fn expanded(given: &str) -> String {
    let mut result = String::with_capacity(given.len());
    let mut rest = given;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some((name, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            result.push_str(&variable(name));
            rest = after;
        } else {
            // The names of a shell's own variables have one character.
            let own = rest.starts_with(|c: char| c.is_ascii_digit() || "*#$@!?-".contains(c));
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let end = if own { 1 } else { end };
            if end == 0 {
                result.push('$');
            } else {
                result.push_str(&variable(&rest[..end]));
                rest = &rest[end..];
            }
        }
    }
    result + rest
}
