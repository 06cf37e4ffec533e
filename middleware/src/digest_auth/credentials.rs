//! The credentials in a client's `Authorization` (RFC 7616 section 3.4).

/// The parameters of a digest.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Credentials {
    pub(super) user: String,
    /// The target that the digest was made for.
    pub(super) uri: String,
    pub(super) nonce: String,
    /// The count of requests with this nonce, in hexadecimal.
    pub(super) count: String,
    pub(super) client_nonce: String,
    pub(super) response: String,
    pub(super) opaque: String,
    pub(super) qop: String,
    pub(super) algorithm: Option<String>,
}

impl Credentials {
    /// The parameters in the value of `Authorization`; `None` if its scheme is another or it is malformed.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (scheme, mut rest) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut found = Self::default();
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Some(found);
            }
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value_of(after.trim_start())?;
            rest = after;
            let field = match name.trim_end().to_ascii_lowercase().as_str() {
                "username" => &mut found.user,
                "uri" => &mut found.uri,
                "nonce" => &mut found.nonce,
                "nc" => &mut found.count,
                "cnonce" => &mut found.client_nonce,
                "response" => &mut found.response,
                "opaque" => &mut found.opaque,
                "qop" => &mut found.qop,
                "algorithm" => found.algorithm.insert(String::new()),
                _ => continue,
            };
            *field = value;
        }
    }
}

/// A quoted string or a token, and what follows it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.trim_end().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoted_and_plain_values_are_read() {
        let value = "Digest username=\"a\\\"n, n\", uri=\"/a=b?c,d\",nonce=\"n\" , nc=00000001, cnonce=\"c\", \
                     qop=auth, algorithm=MD5, opaque=\"o\", response=\"r\", other=\"x\",";
        let wanted = Credentials {
            user: "a\"n, n".to_owned(),
            uri: "/a=b?c,d".to_owned(),
            nonce: "n".to_owned(),
            count: "00000001".to_owned(),
            client_nonce: "c".to_owned(),
            response: "r".to_owned(),
            opaque: "o".to_owned(),
            qop: "auth".to_owned(),
            algorithm: Some("MD5".to_owned()),
        };
        assert_eq!(Credentials::parse(value).unwrap(), wanted);
        assert_eq!(Credentials::parse("digest ").unwrap(), Credentials::default());
        for wrong in ["", "Digest", "Basic YTpi", "Digest username", "Digest username=\"a", "Digest username=\"a\\"] {
            assert!(Credentials::parse(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_refused(value in "(Digest )?\\PC*") {
            let _ = Credentials::parse(&value);
        }
    }
}
