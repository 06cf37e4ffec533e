//! All output of commands on standard output and standard error.
//!
//! If the reader has closed the pipe (`flow-proxy --help | head`), the rest is dropped without a message and without
//! changing the exit code. `println!` would panic instead.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Prints a text on standard output.
///
/// # Errors
/// It cannot be written; [`ErrorKind::BrokenPipe`] if the reader has closed the pipe.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    write(&mut io::stdout().lock(), &text)
}

/// Prints a command's result on standard output and returns the exit code: `code`, or 1 with a line on standard error
/// if it cannot be written.
pub(crate) fn print_result(text: impl Display, code: ExitCode) -> ExitCode {
    match print(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            print_error(format_args!("cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Prints a line on standard error. An error in writing it is ignored.
pub(crate) fn print_error(line: impl Display) {
    let _ = write(&mut io::stderr().lock(), &line);
}

fn write(to: &mut impl Write, text: &impl Display) -> io::Result<()> {
    // In one call, so that no half line is written if the reader closes the pipe in between.
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
