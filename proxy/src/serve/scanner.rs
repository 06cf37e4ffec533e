//! Finds requests that hyper would silently repair, and that must be refused: `Content-Length` beside
//! `Transfer-Encoding` (RFC 9112 section 6.1: a smuggling attempt, or a broken client); and targets that hyper refuses
//! or cuts off although clients send them.
//!
//! The scanner reads the same bytes as hyper, before hyper. It follows the framing of bodies to know where heads begin,
//! as hyper does, and looks at each line's first byte only, which costs some tens of nanoseconds a request. It lets
//! everything pass if hyper will refuse the request anyway, and after a switch to another protocol. Bytes behind a
//! request for an upgrade wait for its response: only then is it known if they are HTTP.

use super::activity::{ConnectionActivity, Reading};
use super::target;

/// Scans the requests of one HTTP/1 connection.
#[derive(Debug)]
pub(super) struct RequestScanner {
    state: State,
    /// The incomplete line.
    partial: Vec<u8>,
    max_line: usize,
    /// Number of heads so far, wrapping.
    heads: u32,
    /// The last request asked for an upgrade, so what follows may not be HTTP.
    upgrade_asked: bool,
}

#[derive(Debug)]
enum State {
    Chunk(Chunk),
    Head(Head),
    /// So many bytes of a body are to come.
    Length(u64),
    Off,
}

/// The facts of a head so far.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    request_line: bool,
    length: Option<u64>,
    transfer_encoding: bool,
    upgrade: bool,
}

#[derive(Clone, Copy, Debug)]
enum Chunk {
    /// The size so far; `true` once something else follows it on its line.
    Size(u64, bool),
    /// Data, and the line end after it.
    Data(u64),
    Trailers(Trailers),
}

/// The position within the trailers. Their lines end with CR LF only, so that the scanner and hyper always agree on the
/// end of the body.
#[derive(Clone, Copy, Debug)]
enum Trailers {
    /// At the start of a line.
    Start,
    /// Within a line.
    Line,
    /// Behind the CR of a line.
    LineCr,
    /// Behind the CR of the empty line.
    EndCr,
}

/// The result for bytes that have come.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Scanned {
    /// Replacement for some of the bytes.
    pub(super) escaped: Option<Escaped>,
    /// Bytes from here on wait, and must be scanned again.
    pub(super) waits: Option<usize>,
}

/// The request must be refused; the bytes before `at` may still be read.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Refused {
    pub(super) at: usize,
}

/// The replacement for the bytes from `at` on.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Escaped {
    pub(super) at: usize,
    pub(super) rest: Vec<u8>,
}

/// hyper would repair this line.
struct Bad;

/// A line that hyper would repair, and the offset of its end.
struct BadLine {
    end: usize,
}

impl RequestScanner {
    /// `max_line`: longer lines are skipped, as hyper refuses such heads.
    pub(super) fn new(max_line: usize) -> Self {
        Self { state: State::Head(Head::default()), partial: Vec::new(), max_line, heads: 0, upgrade_asked: false }
    }

    /// Scans `bytes`, which come next on the connection.
    pub(super) fn scan(&mut self, bytes: &[u8], activity: &ConnectionActivity) -> Result<Scanned, Refused> {
        if matches!(self.state, State::Off) {
            return Ok(Scanned { escaped: None, waits: None });
        }
        let mut at = 0;
        let mut unfit = Vec::new();
        let mut waits = None;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += match &mut self.state {
                State::Off => break,
                State::Length(left) => {
                    let count = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= count as u64;
                    if *left == 0 {
                        self.state = State::Head(Head::default());
                    }
                    count
                }
                State::Chunk(chunk) => {
                    let (count, next) = chunk.step(rest).map_err(|count| Refused { at: at + count })?;
                    if let Some(next) = next {
                        self.state = next;
                    }
                    count
                }
                State::Head(_) if self.upgrade_asked => {
                    if !activity.has_responded(self.heads) {
                        waits = Some(at);
                        break;
                    }
                    self.upgrade_asked = false;
                    if activity.is_upgraded() {
                        self.state = State::Off;
                    }
                    0
                }
                State::Head(head) => {
                    if !head.request_line {
                        target::find_unfit(&self.partial, rest, at, &mut unfit);
                    }
                    self.line(rest).map_err(|BadLine { end }| Refused { at: at + end })?
                }
            };
        }
        activity.set_reading(match &self.state {
            State::Head(head) if !head.request_line && self.partial.is_empty() => Reading::Nothing,
            State::Head(_) => Reading::Head,
            State::Chunk(_) | State::Length(_) => Reading::Body,
            State::Off => Reading::Unknown,
        });
        let looked_at = waits.and_then(|at| bytes.get(..at)).unwrap_or(bytes);
        let escaped = unfit.first().map(|first| Escaped { at: *first, rest: target::escape(looked_at, &unfit) });
        Ok(Scanned { escaped, waits })
    }

    /// True if the waiting bytes can be scanned again.
    pub(super) fn can_resume(&self, activity: &ConnectionActivity) -> bool {
        activity.has_responded(self.heads)
    }

    /// Takes one line of a head, or a part of it; returns the number of bytes taken.
    fn line(&mut self, bytes: &[u8]) -> Result<usize, BadLine> {
        let State::Head(head) = &mut self.state else { return Ok(bytes.len()) };
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            if self.partial.len() + bytes.len() > self.max_line {
                self.state = State::Off;
                self.partial = Vec::new();
            } else {
                self.partial.extend_from_slice(bytes);
            }
            return Ok(bytes.len());
        };
        let next = if self.partial.is_empty() {
            head.take(&bytes[..end])
        } else {
            self.partial.extend_from_slice(&bytes[..end]);
            head.take(&std::mem::take(&mut self.partial))
        };
        if let Some(next) = next.map_err(|Bad| BadLine { end })? {
            self.heads = self.heads.wrapping_add(1);
            self.upgrade_asked = head.upgrade;
            self.state = next;
        }
        Ok(end + 1)
    }
}

impl Head {
    /// Takes a line without its line feed; at the head's end, returns the state that follows.
    fn take(&mut self, line: &[u8]) -> Result<Option<State>, Bad> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !self.request_line {
            // Empty lines before a request are skipped (RFC 9112 section 2.2).
            self.request_line = !line.is_empty();
            return if target::has_fragment(line) { Err(Bad) } else { Ok(None) };
        }
        match line.first() {
            None => return Ok(Some(self.body())),
            Some(b'c' | b'C') => {
                if let Some(value) = value_of(line, b"content-length:") {
                    let length = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
                    self.length = Some(length.unwrap_or(u64::MAX));
                }
            }
            Some(b't' | b'T') if value_of(line, b"transfer-encoding:").is_some() => {
                if self.transfer_encoding {
                    return Err(Bad);
                }
                self.transfer_encoding = true;
            }
            Some(b'u' | b'U') if value_of(line, b"upgrade:").is_some() => self.upgrade = true,
            Some(_) => {}
        }
        if self.transfer_encoding && self.length.is_some() { Err(Bad) } else { Ok(None) }
    }

    fn body(&self) -> State {
        if self.transfer_encoding {
            return State::Chunk(Chunk::Size(0, false));
        }
        match self.length {
            None | Some(0) => State::Head(Self::default()),
            Some(length) => State::Length(length),
        }
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

impl Chunk {
    /// Takes some bytes; returns their number, and the state of the connection if it changes. The error is the offset
    /// of a byte that hyper would wrongly accept.
    fn step(&mut self, bytes: &[u8]) -> Result<(usize, Option<State>), usize> {
        match *self {
            Self::Data(left) => {
                let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                *self = match left - count as u64 {
                    0 => Self::Size(0, false),
                    left => Self::Data(left),
                };
                Ok((count, None))
            }
            Self::Size(mut size, mut extension) => {
                for (at, &byte) in bytes.iter().enumerate() {
                    match byte {
                        b'\n' => {
                            // The line end after the data counts as data here.
                            *self = match size {
                                0 => Self::Trailers(Trailers::Start),
                                size => Self::Data(size.saturating_add(2)),
                            };
                            return Ok((at + 1, None));
                        }
                        _ if extension => {}
                        _ => match char::from(byte).to_digit(16) {
                            Some(_) if size >> 60 != 0 => return Ok((at + 1, Some(State::Off))),
                            Some(digit) => size = size << 4 | u64::from(digit),
                            None => extension = true,
                        },
                    }
                }
                *self = Self::Size(size, extension);
                Ok((bytes.len(), None))
            }
            Self::Trailers(mut trailers) => {
                for (at, &byte) in bytes.iter().enumerate() {
                    trailers = match (trailers, byte) {
                        (Trailers::EndCr, b'\n') => return Ok((at + 1, Some(State::Head(Head::default())))),
                        (Trailers::LineCr, b'\n') => Trailers::Start,
                        // hyper ends the connection.
                        (Trailers::EndCr | Trailers::LineCr, _) => return Ok((at + 1, Some(State::Off))),
                        // hyper goes on as if it were part of the line.
                        (_, b'\n') => return Err(at),
                        (Trailers::Start, b'\r') => Trailers::EndCr,
                        (Trailers::Line, b'\r') => Trailers::LineCr,
                        (Trailers::Start | Trailers::Line, _) => Trailers::Line,
                    };
                }
                *self = Self::Trailers(trailers);
                Ok((bytes.len(), None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::sync::Arc;

    /// The offset from the start at which a stream in chunks of `size` is refused, if it is.
    fn judged(stream: &[u8], size: usize) -> Option<usize> {
        let (mut scanner, activity, mut before) =
            (RequestScanner::new(1000), Arc::new(ConnectionActivity::default()), 0);
        for piece in stream.chunks(size) {
            if let Err(refused) = scanner.scan(piece, &activity) {
                return Some(before + refused.at);
            }
            before += piece.len();
        }
        None
    }

    #[test]
    fn targets_are_escaped_whatever_the_pieces() {
        let head = "HTTP/1.1\r\nX: <\"#\r\nContent-Length: 9\r\n\r\nG /<\"# \r\n";
        let stream = [format!("\r\nG#T /<a>`?q=\"b\"#é {head}").as_bytes(), b"P /\xff HTTP/1.1\r\n\r\n"].concat();
        let wanted = format!("\r\nG#T /%3Ca%3E%60?q=%22b%22%23é {head}P /%FF HTTP/1.1\r\n\r\n");
        for size in 1..=stream.len() {
            let (mut scanner, activity, mut read) =
                (RequestScanner::new(1000), ConnectionActivity::default(), Vec::new());
            for piece in stream.chunks(size) {
                match scanner.scan(piece, &activity).unwrap().escaped {
                    Some(Escaped { at, rest }) => read.extend([&piece[..at], &rest].concat()),
                    None => read.extend(piece),
                }
            }
            // Half of a character is not text, and is escaped.
            let read = String::from_utf8(read).unwrap().replace("%C3%A9", "é");
            assert_eq!(read, wanted, "{size}");
        }
    }

    #[test]
    fn the_pieces_do_not_matter() {
        let good = "\r\nPOST /1 HTTP/1.1\r\nhost: a\r\ncontent-length:  4 \r\n\r\n#\r\n#\
                    POST /2 HTTP/1.1\r\nTransfer-Encoding:chunked\r\n\r\nA ;x=#\r\n#\r\n\r\n\r\n\r\n#\r\n0\r\nX: #\r\n\r\n\
                    PUT /3 HTTP/1.1\r\nContent-Length: 0\r\nX-Content-Length: 1\r\nTransfer-Encodings: x\r\n\r\n\
                    G#T /4?x HTTP/1.1\nContent-Lengths: 2\n\n";
        let bad = "GET /# HTTP/1.1\r\n\r\n";
        let whole = format!("{good}{bad}");
        for size in 1..=whole.len() {
            assert_eq!(judged(good.as_bytes(), size), None, "{size}");
            assert_eq!(judged(whole.as_bytes(), size), Some(good.len() + bad.len() - 3), "{size}");
        }
    }

    #[test]
    fn it_lets_pass_what_it_cannot_follow() {
        let bad = "GET /# HTTP/1.1\r\n\r\n";
        for start in [
            format!("GET /{} HTTP/1.1\r\n", "x".repeat(1000)),
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n".to_owned(),
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\rz\r\n".to_owned(),
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\rz\r\n".to_owned(),
            "GET / HTTP/1.1\r\nContent-Length: none\r\n\r\n".to_owned(),
        ] {
            assert_eq!(judged(format!("{start}{bad}").as_bytes(), 4096), None, "{start}");
        }
    }

    #[test]
    fn the_lines_of_trailers_have_one_end_only() {
        let start = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
        for (trailers, at) in [("\nGET / HTTP/1.1\r\n\r\n", 0), ("X: y\n\r\n", 4), ("X: y\r\nZ: z\n\n", 10)] {
            for size in [1, 7, 4096] {
                let stream = format!("{start}{trailers}");
                assert_eq!(judged(stream.as_bytes(), size), Some(start.len() + at), "{trailers:?}, {size}");
            }
        }
    }

    #[test]
    fn what_follows_a_request_for_an_upgrade_waits_for_its_answer() {
        let bad = b"GET /# HTTP/1.1\r\n\r\n";
        for (ask, asked) in [
            ("GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", 1),
            ("POST / HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi", 1),
            ("POST / HTTP/1.1\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 1),
            ("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nupgrade: x\r\n\r\n", 2),
        ] {
            for switches in [false, true] {
                let (mut scanner, activity) = (RequestScanner::new(1000), ConnectionActivity::default());
                let seen = scanner.scan(&[ask.as_bytes(), bad].concat(), &activity).unwrap();
                assert_eq!(seen.waits, Some(ask.len()), "{ask}");
                for _ in 1..asked {
                    activity.response_started();
                    assert!(!scanner.can_resume(&activity), "that was the answer to another request");
                }
                if switches {
                    activity.set_upgraded();
                }
                activity.response_started();
                assert!(scanner.can_resume(&activity));
                let seen = scanner.scan(bad, &activity);
                match switches {
                    true => assert_eq!(seen, Ok(Scanned { escaped: None, waits: None })),
                    false => assert_eq!(seen, Err(Refused { at: bad.len() - 3 })),
                }
            }
        }
    }

    #[test]
    fn it_says_what_the_client_is_sending() {
        let activity = ConnectionActivity::default();
        let mut scanner = RequestScanner::new(1000);
        let mut after = |bytes: &str| {
            assert_eq!(scanner.scan(bytes.as_bytes(), &activity), Ok(Scanned { escaped: None, waits: None }));
            activity.is_receiving()
        };
        assert!(after("GE"));
        assert!(after("T / HTTP/1.1\r\n"));
        assert!(!after("\r\n"));
        assert!(after("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"));
        assert!(!after("c"));
    }
}
