//! The media type in a `Content-Type`, as Go's `mime.ParseMediaType` reads it.

/// Type and subtype in lower case; `None` if the value or one of its parameters is malformed.
pub(super) fn media_type(value: &str) -> Option<String> {
    let (media_type, mut rest) = match value.find(';') {
        Some(at) => value.split_at(at),
        None => (value, ""),
    };
    let media_type = media_type.trim().to_ascii_lowercase();
    let (main, sub) = media_type.split_once('/').map_or((&*media_type, None), |(main, sub)| (main, Some(sub)));
    if !is_token(main) || sub.is_some_and(|sub| !is_token(sub)) {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(media_type);
        }
        rest = rest.strip_prefix(';')?.trim_start();
        if rest.is_empty() {
            return Some(media_type);
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end().to_ascii_lowercase();
        if !is_token(&name) || names.contains(&name) {
            return None;
        }
        names.push(name);
        rest = skip_value(after.trim_start())?;
    }
}

/// The rest behind a token or a quoted string.
fn skip_value(text: &str) -> Option<&str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !is_token_char(c)).unwrap_or(text.len());
        return (end > 0).then(|| &text[end..]);
    };
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(&quoted[at + 1..]),
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_and_refuses_malformed_parameters() {
        for (value, wanted) in [
            ("text/html", Some("text/html")),
            (" Text/HTML ; charset=utf-8", Some("text/html")),
            ("text/html; charset=\"a;\\\"b\"; x=y;", Some("text/html")),
            ("text", Some("text")),
            ("text/html; charset", None),
            ("text/html; charset=", None),
            ("text/html; a=b; A=c", None),
            ("text/html; a=\"b", None),
            ("text/", None),
            ("text/html,text/plain", None),
            ("", None),
        ] {
            assert_eq!(media_type(value).as_deref(), wanted, "{value:?}");
        }
    }
}
