use super::Named;
use super::argument::{exactly, fault, text, texts, whole};
use gtmpl_ng::{Func, FuncError, Value};
use regex::{NoExpand, Regex};

/// Functions of regular expressions.
pub(super) const FUNCTIONS: &[Named] = &[
    ("mustRegexFind", FIND),
    ("mustRegexFindAll", FIND_ALL),
    ("mustRegexMatch", MATCH),
    ("mustRegexReplaceAll", REPLACE_ALL),
    ("mustRegexReplaceAllLiteral", REPLACE_ALL_LITERAL),
    ("mustRegexSplit", SPLIT),
    ("regexFind", FIND),
    ("regexFindAll", FIND_ALL),
    ("regexMatch", MATCH),
    ("regexQuoteMeta", |a| exactly(a).and_then(|[given]| Ok(quoted(text(given)?).into()))),
    ("regexReplaceAll", REPLACE_ALL),
    ("regexReplaceAllLiteral", REPLACE_ALL_LITERAL),
    ("regexSplit", SPLIT),
];

const MATCH: Func = |a| {
    let [pattern, given] = exactly(a)?;
    Ok(regex(pattern)?.is_match(text(given)?).into())
};

const FIND: Func = |a| {
    let [pattern, given] = exactly(a)?;
    Ok(regex(pattern)?.find(text(given)?).map_or("", |found| found.as_str()).into())
};

const FIND_ALL: Func = |a| {
    let [pattern, given, most] = exactly(a)?;
    let most = usize::try_from(whole(most)?).unwrap_or(usize::MAX);
    Ok(texts(regex(pattern)?.find_iter(text(given)?).take(most).map(|found| found.as_str())))
};

const REPLACE_ALL: Func = |a| {
    let [pattern, given, by] = exactly(a)?;
    Ok(regex(pattern)?.replace_all(text(given)?, text(by)?).as_ref().into())
};

const REPLACE_ALL_LITERAL: Func = |a| {
    let [pattern, given, by] = exactly(a)?;
    Ok(regex(pattern)?.replace_all(text(given)?, NoExpand(text(by)?)).as_ref().into())
};

const SPLIT: Func = |a| {
    let [pattern, given, most] = exactly(a)?;
    let (regex, given) = (regex(pattern)?, text(given)?);
    Ok(match usize::try_from(whole(most)?) {
        Ok(most) => texts(regex.splitn(given, most)),
        Err(_) => texts(regex.split(given)),
    })
};

fn regex(pattern: &Value) -> Result<Regex, FuncError> {
    Regex::new(text(pattern)?).map_err(|error| fault(error.to_string()))
}

/// Go's `regexp.QuoteMeta`, which leaves more as it is than our crate does.
fn quoted(given: &str) -> String {
    let mut quoted = String::with_capacity(given.len());
    for c in given.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}
