use super::Named;
use super::argument::{Outcome, exactly, text};
use gtmpl_ng::Value;

/// Functions of paths with slashes, as in Go's `path`.
pub(super) const FUNCTIONS: &[Named] = &[
    ("base", |a| of(a, base)),
    ("clean", |a| of(a, clean)),
    ("dir", |a| of(a, |path| clean(&path[..path.rfind('/').map_or(0, |slash| slash + 1)]))),
    ("ext", |a| {
        of(a, |path| {
            let name = path.rsplit('/').next().unwrap_or_default();
            name.rfind('.').map(|dot| name[dot..].to_owned()).unwrap_or_default()
        })
    }),
    ("isAbs", |a| exactly(a).and_then(|[path]| Ok(text(path)?.starts_with('/').into()))),
];

fn of(arguments: &[Value], make: fn(&str) -> String) -> Outcome {
    let [path] = exactly(arguments)?;
    Ok(make(text(path)?).into())
}

fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    match path.trim_end_matches('/').rsplit('/').next() {
        Some("") | None => "/".to_owned(),
        Some(name) => name.to_owned(),
    }
}

fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}
