use super::Named;
use super::argument::{Outcome, at_least_one, dictionary, exactly, fault, is_empty, shown, text, texts};
use gtmpl_ng::{Func, FuncError, Value};
use std::collections::HashMap;

/// Functions of dictionaries. None changes one: `set`, `unset` and the side of `merge` that does are not served.
pub(super) const FUNCTIONS: &[Named] = &[
    ("dict", |a| {
        let mut entries = HashMap::new();
        for pair in a.chunks(2) {
            let (key, value) = (pair.first().map(shown), pair.get(1).cloned());
            entries.extend(key.map(|key| (key, value.unwrap_or_else(|| "".into()))));
        }
        Ok(Value::Map(entries))
    }),
    ("dig", |a| {
        let [keys @ .., default, entries] = a else { return Err(fault("it takes keys, a default and a dictionary")) };
        if keys.is_empty() {
            return Err(fault("it takes at least one key"));
        }
        let mut found = entries;
        for key in keys {
            match dictionary(found)?.get(text(key)?) {
                Some(value) => found = value,
                None => return Ok(default.clone()),
            }
        }
        Ok(found.clone())
    }),
    ("get", |a| {
        let [entries, key] = exactly(a)?;
        Ok(dictionary(entries)?.get(text(key)?).cloned().unwrap_or_else(|| "".into()))
    }),
    ("hasKey", |a| {
        let [entries, key] = exactly(a)?;
        Ok(dictionary(entries)?.contains_key(text(key)?).into())
    }),
    ("keys", |a| {
        let mut keys = Vec::new();
        for entries in a {
            keys.extend(sorted(entries)?.into_iter().map(|(key, _)| key));
        }
        Ok(texts(keys))
    }),
    ("merge", MERGE),
    ("mergeOverwrite", MERGE_OVERWRITE),
    ("mustMerge", MERGE),
    ("mustMergeOverwrite", MERGE_OVERWRITE),
    ("omit", |a| chosen(a, false)),
    ("pick", |a| chosen(a, true)),
    ("pluck", |a| {
        let (key, all) = at_least_one(a)?;
        let mut found = Vec::new();
        for entries in all {
            found.extend(dictionary(entries)?.get(text(key)?).cloned());
        }
        Ok(Value::Array(found))
    }),
    ("values", |a| {
        let [entries] = exactly(a)?;
        Ok(Value::Array(sorted(entries)?.into_iter().map(|(_, value)| value.clone()).collect()))
    }),
];

const MERGE: Func = |a| merged(a, |old, new| if is_empty(&old) { new } else { old });
const MERGE_OVERWRITE: Func = |a| merged(a, |old, new| if is_empty(&new) { old } else { new });

/// The entries in the order of their keys; Go has none.
fn sorted(value: &Value) -> Result<Vec<(&str, &Value)>, FuncError> {
    let mut entries: Vec<_> = dictionary(value)?.iter().map(|(key, value)| (key.as_str(), value)).collect();
    entries.sort_by_key(|(key, _)| *key);
    Ok(entries)
}

/// The entries with these keys, or those with others.
fn chosen(arguments: &[Value], named: bool) -> Outcome {
    let (entries, keys) = at_least_one(arguments)?;
    let keys = keys.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let entries = dictionary(entries)?.iter().filter(|(key, _)| keys.contains(&key.as_str()) == named);
    Ok(Value::Map(entries.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

/// One dictionary of several; where two have a key, `choose` has the say, but dictionaries are merged themselves.
fn merged(arguments: &[Value], choose: fn(Value, Value) -> Value) -> Outcome {
    let (first, others) = at_least_one(arguments)?;
    let mut all = dictionary(first)?.clone();
    for other in others {
        merge_into(&mut all, dictionary(other)?, choose);
    }
    Ok(Value::Map(all))
}

fn merge_into(into: &mut HashMap<String, Value>, from: &HashMap<String, Value>, choose: fn(Value, Value) -> Value) {
    for (key, new) in from {
        let value = match (into.remove(key), new) {
            (Some(Value::Map(mut old)), Value::Map(new)) => {
                merge_into(&mut old, new, choose);
                Value::Map(old)
            }
            (Some(old), new) => choose(old, new.clone()),
            (None, new) => new.clone(),
        };
        into.insert(key.clone(), value);
    }
}
