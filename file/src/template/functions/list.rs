use super::Named;
use super::argument::{Outcome, at_least_one, exactly, fault, is_empty, list, shown, size, texts, whole};
use gtmpl_ng::{Func, Value};

/// Functions of lists. Each gives a new list.
pub(super) const FUNCTIONS: &[Named] = &[
    ("append", APPEND),
    ("chunk", CHUNK),
    ("compact", COMPACT),
    ("concat", |a| {
        let lists = a.iter().map(list).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::Array(lists.concat()))
    }),
    ("first", FIRST),
    ("has", HAS),
    ("initial", INITIAL),
    ("last", LAST),
    ("list", |a| Ok(Value::Array(a.to_vec()))),
    ("mustAppend", APPEND),
    ("mustChunk", CHUNK),
    ("mustCompact", COMPACT),
    ("mustFirst", FIRST),
    ("mustHas", HAS),
    ("mustInitial", INITIAL),
    ("mustLast", LAST),
    ("mustPrepend", PREPEND),
    ("mustPush", APPEND),
    ("mustRest", REST),
    ("mustReverse", REVERSE),
    ("mustSlice", SLICE),
    ("mustUniq", UNIQ),
    ("mustWithout", WITHOUT),
    ("prepend", PREPEND),
    ("push", APPEND),
    ("rest", REST),
    ("reverse", REVERSE),
    ("slice", SLICE),
    ("sortAlpha", |a| {
        let [items] = exactly(a)?;
        let mut items: Vec<_> = list(items)?.iter().map(shown).collect();
        items.sort();
        Ok(texts(items))
    }),
    ("tuple", |a| Ok(Value::Array(a.to_vec()))),
    ("uniq", UNIQ),
    ("without", WITHOUT),
];

const APPEND: Func = |a| {
    let [items, item] = exactly(a)?;
    Ok(Value::Array([list(items)?, std::slice::from_ref(item)].concat()))
};

const PREPEND: Func = |a| {
    let [items, item] = exactly(a)?;
    Ok(Value::Array([std::slice::from_ref(item), list(items)?].concat()))
};

const CHUNK: Func = |a| {
    let [length, items] = exactly(a)?;
    let length = size(length)?;
    if length == 0 {
        return Err(fault("chunks have one item at least"));
    }
    Ok(Value::Array(list(items)?.chunks(length).map(|chunk| Value::Array(chunk.to_vec())).collect()))
};

const COMPACT: Func = |a| filtered(a, |item| !is_empty(item));
const FIRST: Func = |a| exactly(a).and_then(|[items]| Ok(list(items)?.first().cloned().unwrap_or(Value::Nil)));
const LAST: Func = |a| exactly(a).and_then(|[items]| Ok(list(items)?.last().cloned().unwrap_or(Value::Nil)));

const REST: Func = |a| {
    let [items] = exactly(a)?;
    Ok(Value::Array(list(items)?.iter().skip(1).cloned().collect()))
};

const INITIAL: Func = |a| {
    let [items] = exactly(a)?;
    let items = list(items)?;
    Ok(Value::Array(items[..items.len().saturating_sub(1)].to_vec()))
};

const REVERSE: Func = |a| {
    let [items] = exactly(a)?;
    Ok(Value::Array(list(items)?.iter().rev().cloned().collect()))
};

const HAS: Func = |a| {
    let [item, items] = exactly(a)?;
    Ok(list(items)?.contains(item).into())
};

const UNIQ: Func = |a| {
    let [items] = exactly(a)?;
    let mut seen: Vec<Value> = Vec::new();
    for item in list(items)? {
        if !seen.contains(item) {
            seen.push(item.clone());
        }
    }
    Ok(Value::Array(seen))
};

const WITHOUT: Func = |a| {
    let (items, unwanted) = at_least_one(a)?;
    Ok(Value::Array(list(items)?.iter().filter(|item| !unwanted.contains(item)).cloned().collect()))
};

/// Part of a list: from the first index on, up to the second.
const SLICE: Func = |a| {
    let (items, bounds) = at_least_one(a)?;
    let items = list(items)?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let bound = |index: usize, default| match bounds.get(index) {
        Some(bound) => whole(bound).map(|bound| usize::try_from(bound).unwrap_or(usize::MAX)),
        None => Ok(default),
    };
    let part = items.get(bound(0, 0)?..bound(1, items.len())?);
    Ok(Value::Array(part.ok_or_else(|| fault("there is no such part of the list"))?.to_vec()))
};

fn filtered(arguments: &[Value], keeps: impl Fn(&Value) -> bool) -> Outcome {
    let [items] = exactly(arguments)?;
    Ok(Value::Array(list(items)?.iter().filter(|item| keeps(item)).cloned().collect()))
}
