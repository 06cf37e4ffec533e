//! Passwords as htpasswd hashes them.

use super::md5_crypt;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// A password's hash.
pub(super) enum Secret {
    /// `$2a$`, `$2b$`, `$2x$`, `$2y$`, all treated alike.
    Bcrypt(String),
    /// `$1$` and `$apr1$`.
    Md5 { magic: String, salt: String, hash: String },
    /// Of no known form: no password matches.
    None,
    /// `{SHA}`, in Base64.
    Sha1(String),
}

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        if let Some(hash) = text.strip_prefix("{SHA}") {
            return Self::Sha1(hash.to_owned());
        }
        if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return Self::Bcrypt(text.to_owned());
        }
        let mut parts = text.splitn(4, '$');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(""), Some(magic), Some(salt), Some(hash)) => {
                Self::Md5 { magic: format!("${magic}$"), salt: salt.to_owned(), hash: hash.to_owned() }
            }
            _ => Self::None,
        }
    }

    /// True if hashing takes so long that it must not be done on a worker.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self, Self::Bcrypt(_) | Self::Md5 { .. })
    }

    /// True if `password` is right; the time taken does not depend on how much of it is.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Md5 { magic, salt, hash } => {
                let computed = md5_crypt::hash(password, salt.as_bytes(), magic.as_bytes());
                bool::from(computed.as_bytes().ct_eq(hash.as_bytes()))
            }
            Self::None => false,
            Self::Sha1(hash) => {
                let computed = STANDARD.encode(Sha1::digest(password));
                bool::from(computed.as_bytes().ct_eq(hash.as_bytes()))
            }
        }
    }
}
