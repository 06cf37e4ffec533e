use super::Named;
use super::argument::{Outcome, exactly, fault, float, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gtmpl_ng::{Func, NumberKind, Value};
use serde_json::Value as Json;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// Functions of encodings and digests.
pub(super) const FUNCTIONS: &[Named] = &[
    ("adler32sum", |a| {
        let [given] = exactly(a)?;
        let (low, high) = text(given)?.bytes().fold((1u32, 0u32), |(low, high), byte| {
            let low = (low + u32::from(byte)) % 65_521;
            (low, (high + low) % 65_521)
        });
        Ok((high << 16 | low).to_string().into())
    }),
    ("b64dec", |a| {
        let [given] = exactly(a)?;
        // As in Sprig, an error is the result.
        Ok(match STANDARD.decode(text(given)?) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| fault("what was encoded is no text"))?.into(),
            Err(error) => error.to_string().into(),
        })
    }),
    ("b64enc", |a| exactly(a).and_then(|[given]| Ok(STANDARD.encode(text(given)?).into()))),
    ("fromJson", FROM_JSON),
    ("mustFromJson", FROM_JSON),
    ("mustToJson", TO_JSON),
    ("mustToPrettyJson", TO_PRETTY_JSON),
    ("mustToRawJson", TO_RAW_JSON),
    ("sha1sum", |a| digest::<Sha1>(a)),
    ("sha256sum", |a| digest::<Sha256>(a)),
    ("sha512sum", |a| digest::<Sha512>(a)),
    ("toJson", TO_JSON),
    ("toPrettyJson", TO_PRETTY_JSON),
    ("toRawJson", TO_RAW_JSON),
];

/// JSON that cannot be read is an error also where Sprig makes nil of it.
const FROM_JSON: Func = |a| {
    let [given] = exactly(a)?;
    Ok(of_json(serde_json::from_str(text(given)?).map_err(|error| fault(error.to_string()))?))
};

const TO_JSON: Func = |a| exactly(a).map(|[value]| escaped(&to_json(value).to_string()).into());
const TO_RAW_JSON: Func = |a| exactly(a).map(|[value]| to_json(value).to_string().into());
const TO_PRETTY_JSON: Func = |a| exactly(a).map(|[value]| escaped(&format!("{:#}", to_json(value))).into());

fn digest<D: Digest>(arguments: &[Value]) -> Outcome {
    let [given] = exactly(arguments)?;
    let sum = D::digest(text(given)?);
    Ok(sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

/// Go's way to make JSON safe within HTML.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn of_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => value.into(),
        // All numbers of JSON are floats in Go.
        Json::Number(number) => float(number.as_f64().unwrap_or_default()),
        Json::String(text) => text.into(),
        Json::Array(items) => Value::Array(items.into_iter().map(of_json).collect()),
        Json::Object(entries) => Value::Map(entries.into_iter().map(|(key, value)| (key, of_json(value))).collect()),
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::NoValue | Value::Nil | Value::Function(_) => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match number.kind() {
            NumberKind::Signed(number) => number.into(),
            NumberKind::Unsigned(number) => number.into(),
            NumberKind::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => (number as i64).into(),
            NumberKind::Float(number) => number.into(),
        },
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) | Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Json::Object(entries.into_iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
    }
}
