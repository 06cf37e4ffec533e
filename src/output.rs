//! Output for people: all of it goes through here.
//!
//! Whoever closed the pipe (`flow-proxy --help | head`) has read enough: the rest is dropped, without a word and without
//! another exit code. `println!` would panic instead.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Prints a text on standard output.
///
/// # Errors
/// Where it cannot be written, [`ErrorKind::BrokenPipe`] where nobody reads any more.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    write(&mut io::stdout().lock(), &text)
}

/// Prints an answer on standard output and gives the exit code: `code`, or 1 and a line on standard error where there
/// is no room for it.
pub(crate) fn answer(text: impl Display, code: ExitCode) -> ExitCode {
    match print(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            tell(format_args!("cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Prints a line on standard error. Where that cannot be written either, nobody can be told.
pub(crate) fn tell(line: impl Display) {
    let _ = write(&mut io::stderr().lock(), &line);
}

fn write(to: &mut impl Write, text: &impl Display) -> io::Result<()> {
    // In one piece: a reader that ends in between leaves no half line behind.
    let mut text = text.to_string();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    to.write_all(text.as_bytes())?;
    to.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_line_ends_once() {
        let mut written = Vec::new();
        write(&mut written, &"one").unwrap();
        write(&mut written, &"two\n").unwrap();
        assert_eq!(written, b"one\ntwo\n");
    }
}
