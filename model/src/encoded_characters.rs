//! The encoded characters of paths.

/// The percent-encoded characters that a path may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EncodedCharacters {
    /// `%2F`
    pub slash: bool,
    /// `%5C`
    pub back_slash: bool,
    /// `%00`
    pub null_character: bool,
    /// `%3B`
    pub semicolon: bool,
    /// `%25`
    pub percent: bool,
    /// `%3F`
    pub question_mark: bool,
    /// `%23`
    pub hash: bool,
}

impl EncodedCharacters {
    /// True if `path`, which has its escapes in upper case, holds none of the others.
    #[must_use]
    pub fn allow(&self, path: &str) -> bool {
        let escapes = path.match_indices('%').map(|(at, _)| path.as_bytes().get(at + 1..at + 3));
        escapes.into_iter().all(|escape| match escape {
            Some(b"2F") => self.slash,
            Some(b"5C") => self.back_slash,
            Some(b"00") => self.null_character,
            Some(b"3B") => self.semicolon,
            Some(b"25") => self.percent,
            Some(b"3F") => self.question_mark,
            Some(b"23") => self.hash,
            _ => true,
        })
    }
}

impl Default for EncodedCharacters {
    fn default() -> Self {
        let yes = true;
        Self {
            slash: yes,
            back_slash: yes,
            null_character: yes,
            semicolon: yes,
            percent: yes,
            question_mark: yes,
            hash: yes,
        }
    }
}
