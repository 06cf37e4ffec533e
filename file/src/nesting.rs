//! A limit on the brackets of a YAML text that are open at once, to be asked before the text is parsed.

/// The number of brackets that may be open. The parser itself takes 128 levels.
const LIMIT: u32 = 1_000;

/// The reason why a text is not parsed.
pub const MESSAGE: &str = "more than 1,000 brackets are open at once";

/// Returns the offset of the bracket (`[` or `{`) that is one too many.
///
/// The parser looks at all open brackets for every token before it counts them: a hundred thousand, a file of 100 KB,
/// hold it up for minutes. Quotes and comments are not told apart here, as nobody leaves so many brackets open in them.
#[must_use]
pub fn excess(text: &str) -> Option<usize> {
    let mut open = 0_u32;
    text.bytes().position(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > LIMIT
    })
}

#[cfg(test)]
mod tests {
    use super::excess;

    #[test]
    fn only_brackets_that_are_open_at_once_count() {
        assert_eq!(excess(&"[]{}".repeat(10_000)), None);
        assert_eq!(excess(&"]".repeat(10_000)), None);
        assert_eq!(excess(&format!("{}{}", "[{".repeat(500), "]".repeat(2_000))), None);
        assert_eq!(excess(&format!("a: {}", "[{".repeat(501))), Some(3 + 1_000));
    }
}
