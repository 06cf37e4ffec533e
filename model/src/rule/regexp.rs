//! Go's regular expressions, by the `regex` crate.
//!
//! Both are RE2's language. Text that they read differently is rewritten: `\d`, `\w`, `\s` and `\b` are ASCII in Go,
//! `\Q…\E` quotes, a brace that is not a repetition is literal, and classes know no set operations.

use regex::Regex;
use std::iter::Peekable;
use std::str::Chars;
use thiserror::Error;

/// The reason why an expression is refused.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct RegexpError(String);

/// The longest expression in bytes. Longer ones hold up everybody's changes for seconds, before they are refused for
/// the size that they would be compiled to.
const MAX_LENGTH: usize = 64 << 10;

/// The most Unicode classes (`\pL`) in one expression: the parser needs kilobytes for each, and knows no limit.
const MAX_PROPERTIES: usize = 1_000;

/// Compiles an expression written for Go.
///
/// # Errors
/// The compiler's message, on one line, or that the expression is too long.
pub fn compile(pattern: &str) -> Result<Regex, RegexpError> {
    if pattern.len() > MAX_LENGTH {
        return Err(RegexpError(format!("it has more than {MAX_LENGTH} bytes")));
    }
    Regex::new(&translate(pattern)?).map_err(|error| {
        let text = error.to_string();
        // A syntax error draws the expression and an arrow first; its last line says what is wrong.
        let line = text.lines().next_back().unwrap_or_default();
        RegexpError(line.trim_start_matches("error: ").to_owned())
    })
}

/// Returns the expression in the `regex` crate's syntax.
fn translate(pattern: &str) -> Result<String, RegexpError> {
    let out = String::with_capacity(pattern.len() + 16);
    let mut translator = Translator { rest: pattern.chars().peekable(), out, properties: 0, problem: None };
    translator.run();
    translator.problem.map_or(Ok(translator.out), Err)
}

/// Longer than any repetition count or class name.
const LOOK_AHEAD: usize = 24;

const CLASSES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\x0C\r ";

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// The number of Unicode classes so far.
    properties: usize,
    /// The first thing that Go refuses and the crate would read differently.
    problem: Option<RegexpError>,
}

impl Translator<'_> {
    fn run(&mut self) {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape(),
                '[' => self.class(),
                '{' => self.braces(),
                '}' => self.out.push_str(r"\}"),
                _ => self.out.push(c),
            }
        }
    }

    fn escape(&mut self) {
        let Some(c) = self.rest.next() else { return self.out.push('\\') };
        match c {
            'Q' => self.quoted(),
            'd' | 'w' | 's' => self.set("[", c),
            'D' | 'W' | 'S' => self.set("[^", c),
            'b' | 'B' => self.out.extend([r"(?-u:\", if c == 'b' { "b)" } else { "B)" }]),
            _ => self.common_escape(c),
        }
    }

    /// Writes an escape that is the same inside and outside a class.
    fn common_escape(&mut self, c: char) {
        match c {
            'p' | 'P' => self.property(c),
            'x' => self.hexadecimal(),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => self.literal(c),
            _ => self.out.extend(['\\', c]),
        }
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn set(&mut self, open: &str, kind: char) {
        self.out.push_str(open);
        self.out.push_str(members(kind));
        self.out.push(']');
    }

    fn quoted(&mut self) {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return;
            }
            self.literal(c);
        }
    }

    /// Writes a property; `\p{^Greek}` is Go's other way to write `\P{Greek}`.
    fn property(&mut self, kind: char) {
        self.properties += 1;
        if self.properties > MAX_PROPERTIES {
            let problem = format!("it has more than {MAX_PROPERTIES} Unicode classes");
            self.problem.get_or_insert(RegexpError(problem));
        }
        if self.rest.peek() != Some(&'{') {
            return self.out.extend(['\\', kind]);
        }
        self.rest.next();
        let negated = self.rest.next_if_eq(&'^').is_some();
        self.out.extend(['\\', if negated == (kind == 'p') { 'P' } else { 'p' }, '{']);
        for c in self.rest.by_ref() {
            self.out.push(c);
            if c == '}' {
                return;
            }
        }
    }

    /// Writes braces: `{2}`, `{2,}` and `{2,3}` are repetitions; others are literal.
    fn braces(&mut self) {
        let ahead: String = self.rest.clone().take(LOOK_AHEAD).collect();
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let count = ahead.split_once('}').map(|(inner, _)| inner).filter(|inner| match inner.split_once(',') {
            Some((from, to)) => is_number(from) && (to.is_empty() || is_number(to)),
            None => is_number(inner),
        });
        match count {
            Some(inner) => {
                self.rest.nth(inner.len());
                self.out.extend(["{", inner, "}"]);
            }
            None => self.out.push_str(r"\{"),
        }
    }

    fn class(&mut self) {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str(r"\]");
        }
        // May a `-` make a range of the member before it, and did it just do so?
        let (mut may_range, mut in_range) = (self.out.ends_with(r"\]"), false);
        while let Some(c) = self.rest.next() {
            if c == ']' {
                return self.out.push(']');
            }
            if c == '-' && may_range && !in_range && self.rest.peek().is_some_and(|next| *next != ']') {
                self.out.push('-');
                in_range = true;
                continue;
            }
            let single = match c {
                '[' => self.named_class(),
                '\\' => self.class_escape(),
                '^' | '&' | '~' | '-' => {
                    self.out.extend(['\\', c]);
                    true
                }
                _ => {
                    self.out.push(c);
                    true
                }
            };
            may_range = single && !in_range;
            in_range = false;
        }
    }

    /// Copies `[:alpha:]`, which is the same in both; any other `[` inside a class is literal.
    fn named_class(&mut self) -> bool {
        let ahead: String = self.rest.clone().take(LOOK_AHEAD).collect();
        let name = ahead.strip_prefix(':').and_then(|rest| rest.split_once(":]"));
        let Some((name, _)) = name.filter(|(name, _)| name.chars().all(|c| c == '^' || c.is_ascii_lowercase())) else {
            self.out.push_str(r"\[");
            return true;
        };
        if !CLASSES.contains(&name.trim_start_matches('^')) {
            self.problem = Some(RegexpError(format!("there is no character class [:{name}:]")));
        }
        self.rest.nth(name.len() + 2);
        self.out.extend(["[:", name, ":]"]);
        false
    }

    fn class_escape(&mut self) -> bool {
        let Some(c) = self.rest.next() else {
            self.out.push('\\');
            return true;
        };
        match c {
            'd' | 'w' | 's' => self.out.push_str(members(c)),
            'D' | 'W' | 'S' => self.set("[^", c),
            _ => {
                self.common_escape(c);
                return !matches!(c, 'p' | 'P');
            }
        }
        false
    }

    fn hexadecimal(&mut self) {
        self.out.push_str(r"\x");
        if self.rest.peek() == Some(&'{') {
            for c in self.rest.by_ref() {
                self.out.push(c);
                if c == '}' {
                    return;
                }
            }
        }
        for _ in 0..2 {
            self.out.extend(self.rest.next_if(char::is_ascii_hexdigit));
        }
    }
}

fn members(kind: char) -> &'static str {
    match kind.to_ascii_lowercase() {
        'd' => DIGIT,
        'w' => WORD,
        _ => SPACE,
    }
}
