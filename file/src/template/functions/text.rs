use super::Named;
use super::argument::{MAX_TEXT, Outcome, exactly, fault, is_nil, list, shown, size, text, texts, whole};
use flow_model::name::normalize;
use gtmpl_ng::{Func, FuncError, Value, funcs};

/// Functions of texts.
pub(super) const FUNCTIONS: &[Named] = &[
    ("abbrev", |a| {
        let [width, given] = exactly(a)?;
        let (width, given) = (whole(width)?, text(given)?);
        let most = usize::try_from(width).unwrap_or(0);
        if most < 4 || given.len() <= most {
            return Ok(given.into());
        }
        Ok(format!("{}...", cut(given, most - 3)).into())
    }),
    ("cat", |a| {
        let words: Vec<_> = a.iter().filter(|value| !is_nil(value)).map(shown).collect();
        Ok(words.join(" ").into())
    }),
    ("contains", |a| two(a, |part, given| given.contains(part).into())),
    ("hasPrefix", |a| two(a, |part, given| given.starts_with(part).into())),
    ("hasSuffix", |a| two(a, |part, given| given.ends_with(part).into())),
    ("indent", |a| Ok(indent(a)?.into())),
    ("initials", |a| one(a, |given| given.split_whitespace().filter_map(|word| word.chars().next()).collect())),
    ("join", |a| {
        let [separator, items] = exactly(a)?;
        Ok(strings(items).join(text(separator)?).into())
    }),
    ("lower", |a| one(a, str::to_lowercase)),
    ("nindent", |a| Ok(format!("\n{}", indent(a)?).into())),
    ("normalize", |a| one(a, normalize)),
    ("nospace", |a| one(a, |given| given.chars().filter(|c| !c.is_whitespace()).collect())),
    ("plural", |a| {
        let [one, many, count] = exactly(a)?;
        Ok(text(if whole(count)? == 1 { one } else { many })?.into())
    }),
    ("quote", |a| {
        let quoted = a.iter().filter(|value| !is_nil(value)).map(|value| quoted(&shown(value)));
        Ok(quoted.collect::<Result<Vec<_>, _>>()?.join(" ").into())
    }),
    ("repeat", |a| {
        let [count, given] = exactly(a)?;
        let (count, given) = (size(count)?, text(given)?);
        if count.saturating_mul(given.len()) > MAX_TEXT {
            return Err(fault("the text would be too long"));
        }
        Ok(given.repeat(count).into())
    }),
    ("replace", |a| {
        let [old, new, given] = exactly(a)?;
        Ok(text(given)?.replace(text(old)?, text(new)?).into())
    }),
    // Traefik's own, in the order of Go's strings.Split.
    ("split", |a| {
        let [given, separator] = exactly(a)?;
        Ok(split(text(given)?, text(separator)?))
    }),
    ("splitList", |a| two(a, |separator, given| split(given, separator))),
    ("splitn", |a| {
        let [separator, most, given] = exactly(a)?;
        let parts = text(given)?.splitn(size(most)?, text(separator)?);
        Ok(Value::Map(parts.enumerate().map(|(index, part)| (format!("_{index}"), part.into())).collect()))
    }),
    ("squote", |a| {
        let quoted: Vec<_> = a.iter().filter(|value| !is_nil(value)).map(|value| format!("'{value}'")).collect();
        Ok(quoted.join(" ").into())
    }),
    ("substr", |a| {
        let [start, end, given] = exactly(a)?;
        let (start, end, given) = (whole(start)?, whole(end)?, text(given)?);
        let to = usize::try_from(end).ok().filter(|end| *end <= given.len()).unwrap_or(given.len());
        let part = if start < 0 { given.get(..to) } else { given.get(usize::try_from(start).unwrap_or(0)..to) };
        Ok(part.ok_or_else(|| fault("there is no such part of the text"))?.into())
    }),
    ("title", |a| one(a, title)),
    ("toString", |a| exactly(a).map(|[value]| shown(value).into())),
    ("toStrings", |a| exactly(a).map(|[items]| texts(strings(items)))),
    ("trim", |a| one(a, |given| given.trim().to_owned())),
    ("trimAll", TRIM_ALL),
    ("trimPrefix", |a| two(a, |part, given| given.strip_prefix(part).unwrap_or(given).into())),
    ("trimSuffix", |a| two(a, |part, given| given.strip_suffix(part).unwrap_or(given).into())),
    ("trimall", TRIM_ALL),
    ("trunc", |a| {
        let [count, given] = exactly(a)?;
        let (count, given) = (whole(count)?, text(given)?);
        let length = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if length >= given.len() {
            return Ok(given.into());
        }
        Ok(if count < 0 { given.get(given.len() - length..).unwrap_or_default() } else { cut(given, length) }.into())
    }),
    ("untitle", |a| {
        one(a, |given| {
            let mut first = true;
            let lower = |c: char| {
                let begins = std::mem::replace(&mut first, c.is_whitespace());
                if begins { c.to_lowercase().to_string() } else { c.to_string() }
            };
            given.chars().map(lower).collect()
        })
    }),
    ("upper", |a| one(a, str::to_uppercase)),
];

const TRIM_ALL: Func = |a| two(a, |set, given| given.trim_matches(|c| set.contains(c)).into());

/// A function of one text.
fn one(arguments: &[Value], make: impl Fn(&str) -> String) -> Outcome {
    let [given] = exactly(arguments)?;
    Ok(make(text(given)?).into())
}

/// A function of two texts, of which the second is what it is about.
fn two(arguments: &[Value], make: impl Fn(&str, &str) -> Value) -> Outcome {
    let [by, given] = exactly(arguments)?;
    Ok(make(text(by)?, text(given)?))
}

/// At most `bytes` of a text, without the half of a character.
fn cut(given: &str, bytes: usize) -> &str {
    (0..=bytes.min(given.len())).rev().find_map(|end| given.get(..end)).unwrap_or_default()
}

fn indent(arguments: &[Value]) -> Result<String, FuncError> {
    let [spaces, given] = exactly(arguments)?;
    let (spaces, given) = (size(spaces)?, text(given)?);
    if spaces.saturating_mul(given.matches('\n').count() + 1) > MAX_TEXT {
        return Err(fault("the text would be too long"));
    }
    let pad = " ".repeat(spaces);
    Ok(format!("{pad}{}", given.replace('\n', &format!("\n{pad}"))))
}

/// Go's `strings.Split`: an empty separator parts all characters.
fn split(given: &str, separator: &str) -> Value {
    if separator.is_empty() { texts(given.chars()) } else { texts(given.split(separator)) }
}

/// The texts of a list's items; of anything else, its own.
fn strings(value: &Value) -> Vec<String> {
    match list(value) {
        Ok(items) => items.iter().filter(|item| !is_nil(item)).map(shown).collect(),
        Err(_) if is_nil(value) => Vec::new(),
        Err(_) => vec![shown(value)],
    }
}

/// Go's `%q`.
fn quoted(given: &str) -> Result<String, FuncError> {
    funcs::printf(&["%q".into(), given.into()]).map(|quoted| shown(&quoted))
}

/// Go's `strings.Title`: the first letter of every word in upper case.
fn title(given: &str) -> String {
    let mut begins = true;
    let mut titled = String::with_capacity(given.len());
    for c in given.chars() {
        if begins {
            titled.extend(c.to_uppercase())
        } else {
            titled.push(c)
        }
        begins = !(c.is_alphanumeric() || c == '_' || c == '\'');
    }
    titled
}
