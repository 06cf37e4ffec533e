//! One line for each event: control characters in quoted text, such as an error's, are escaped, so that they neither
//! end the line nor control a terminal.

use std::borrow::Cow;
use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// Makes writers that get each event whole, in one call.
pub(super) struct OneLine<M> {
    writers: M,
    /// True if events contain escape sequences for colours, which must stay.
    colours: bool,
}

impl<M> OneLine<M> {
    pub(super) fn new(writers: M, colours: bool) -> Self {
        Self { writers, colours }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = OneLineWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLineWriter { writer: self.writers.make_writer(), colours: self.colours }
    }
}

/// A writer of one event.
pub(super) struct OneLineWriter<W> {
    writer: W,
    colours: bool,
}

impl<W: Write> Write for OneLineWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.writer.write_all(&one_line(event, self.colours))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// `event` with its control characters escaped, except for the line's end.
fn one_line(event: &[u8], colours: bool) -> Cow<'_, [u8]> {
    let stays = |byte: &u8| !byte.is_ascii_control() || (colours && *byte == 0x1b);
    let (line, end) = match event.strip_suffix(b"\n") {
        Some(line) => (line, &b"\n"[..]),
        None => (event, &b""[..]),
    };
    if line.iter().all(stays) {
        return Cow::Borrowed(event);
    }
    let mut escaped = Vec::with_capacity(event.len() + 16);
    for byte in line {
        if stays(byte) { escaped.push(*byte) } else { escaped.extend(byte.escape_ascii()) }
    }
    escaped.extend_from_slice(end);
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_quotes() {
        for (event, colours, written) in [
            ("INFO plain\n", false, "INFO plain\n"),
            ("WARN \u{1b}[2Jreason: a\r\nERROR b\tc\n", false, "WARN \\x1b[2Jreason: a\\r\\nERROR b\\tc\n"),
            ("\u{1b}[32mINFO\u{1b}[0m a\nb\n", true, "\u{1b}[32mINFO\u{1b}[0m a\\nb\n"),
            ("ü\n\n", false, "ü\\n\n"),
        ] {
            assert_eq!(one_line(event.as_bytes(), colours), written.as_bytes());
        }
    }

    #[test]
    fn what_is_written_counts_as_the_event() {
        let writers = OneLine::new(Vec::<u8>::new as fn() -> Vec<u8>, false);
        let mut writer = writers.make_writer();
        writer.write_all(b"a\nb\n").ok();
        assert_eq!(writer.writer, b"a\\nb\n");
    }
}
