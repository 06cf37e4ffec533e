//! Finds the end of a response's body (RFC 9112 sections 6 and 7).

use super::error::Http1Error;
use crate::forward::headers::clean_trailers;
use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use httparse::Status;

/// Maximum length of a chunk's size line, in bytes.
const MAX_LINE: usize = 4096;
/// Maximum length of trailers, in bytes, and their maximum number.
const MAX_TRAILERS_LENGTH: usize = 64 * 1024;
const MAX_TRAILERS: usize = 100;

/// The rest of a body.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Decoder {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Everything until the backend closes.
    UntilClose,
}

/// The position within a chunked body.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Chunk {
    /// Before a chunk's size line.
    Size,
    /// Within a chunk, so many bytes before its end.
    Data(u64),
    /// Before the line end after a chunk.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
}

impl Decoder {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunk::Size)
    }

    /// True if nothing more belongs to the body.
    pub(super) fn is_ended(&self) -> bool {
        *self == Self::Length(0)
    }

    /// Takes the next frame from `bytes`. `None` at the end of the body, or if more bytes are needed.
    ///
    /// # Errors
    /// `Malformed` if `bytes` are not valid chunks, `TooLarge` for too large trailers.
    pub(super) fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Frame<Bytes>>, Http1Error> {
        loop {
            match self {
                Self::Length(left) => return Ok(take(left, bytes)),
                Self::UntilClose => {
                    let mut all = u64::MAX;
                    return Ok(take(&mut all, bytes));
                }
                Self::Chunked(chunk) => match chunk {
                    Chunk::Size => match size(bytes)? {
                        None => return Ok(None),
                        Some(0) => *chunk = Chunk::Trailers,
                        Some(size) => *chunk = Chunk::Data(size),
                    },
                    Chunk::Data(0) => *chunk = Chunk::DataEnd,
                    Chunk::Data(left) => return Ok(take(left, bytes)),
                    Chunk::DataEnd => {
                        if bytes.len() < 2 {
                            return Ok(None);
                        }
                        if !bytes.starts_with(b"\r\n") {
                            return Err(Http1Error::Malformed("the end of a chunk"));
                        }
                        bytes.advance(2);
                        *chunk = Chunk::Size;
                    }
                    Chunk::Trailers => {
                        let Some(trailers) = trailers(bytes)? else { return Ok(None) };
                        *self = Self::Length(0);
                        return Ok((!trailers.is_empty()).then(|| Frame::trailers(trailers)));
                    }
                },
            }
        }
    }

    /// Called when the backend has closed the connection and everything received was decoded.
    ///
    /// # Errors
    /// `CutShort` if the body is incomplete.
    pub(super) fn close(&mut self) -> Result<(), Http1Error> {
        if *self == Self::UntilClose {
            *self = Self::Length(0);
        }
        if self.is_ended() { Ok(()) } else { Err(Http1Error::CutShort) }
    }
}

fn take(left: &mut u64, bytes: &mut BytesMut) -> Option<Frame<Bytes>> {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    if count == 0 {
        return None;
    }
    *left -= count as u64;
    Some(Frame::data(bytes.split_to(count).freeze()))
}

fn size(bytes: &mut BytesMut) -> Result<Option<u64>, Http1Error> {
    const BAD: Http1Error = Http1Error::Malformed("the size of a chunk");
    match bytes.first() {
        None => return Ok(None),
        Some(first) if first.is_ascii_hexdigit() => {}
        Some(_) => return Err(BAD),
    }
    match httparse::parse_chunk_size(bytes) {
        Ok(Status::Complete((length, size))) => {
            // The parser lets everything pass as an extension, even a line end.
            if memchr::memchr(b'\n', bytes) != Some(length - 1) {
                return Err(BAD);
            }
            bytes.advance(length);
            Ok(Some(size))
        }
        Ok(Status::Partial) if bytes.len() < MAX_LINE => Ok(None),
        _ => Err(BAD),
    }
}

fn trailers(bytes: &mut BytesMut) -> Result<Option<HeaderMap>, Http1Error> {
    const BAD: Http1Error = Http1Error::Malformed("its trailers");
    if bytes.starts_with(b"\r\n") {
        bytes.advance(2);
        return Ok(Some(HeaderMap::new()));
    }
    let mut lines = [httparse::EMPTY_HEADER; MAX_TRAILERS];
    let (length, trailers) = match httparse::parse_headers(bytes, &mut lines) {
        Ok(Status::Complete((length, lines))) => {
            let mut trailers = HeaderMap::with_capacity(lines.len());
            for line in lines {
                let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| BAD)?;
                trailers.append(name, HeaderValue::from_bytes(line.value).map_err(|_| BAD)?);
            }
            clean_trailers(&mut trailers);
            (length, trailers)
        }
        Ok(Status::Partial) if bytes.len() < MAX_TRAILERS_LENGTH => return Ok(None),
        _ => return Err(BAD),
    };
    bytes.advance(length);
    Ok(Some(trailers))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn trailers_say_nothing_of_framing_or_control() {
        let text =
            b"0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\nLocation: /\r\nHost: b\r\n\
                     Connection: close\r\nGrpc-Status: 0\r\nX-A: 1\r\n\r\n";
        let mut decoder = Decoder::chunked();
        let frame = decoder.decode(&mut BytesMut::from(&text[..])).unwrap().unwrap();
        let mut names: Vec<_> = frame.trailers_ref().unwrap().keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        assert_eq!(names, ["grpc-status", "x-a"]);
    }

    /// Decodes `text`, which comes in chunks of these lengths, and then closes.
    fn decoded(
        decoder: &mut Decoder,
        text: &[u8],
        lengths: &[usize],
    ) -> Result<(Vec<u8>, Option<HeaderMap>), Http1Error> {
        let (mut data, mut trailers, mut bytes, mut rest) = (Vec::new(), None, BytesMut::new(), text);
        let mut lengths = lengths.iter().copied().cycle();
        loop {
            while let Some(frame) = decoder.decode(&mut bytes)? {
                match frame.into_data() {
                    Ok(piece) => data.extend_from_slice(&piece),
                    Err(frame) => trailers = frame.into_trailers().ok(),
                }
            }
            if decoder.is_ended() {
                assert_eq!((bytes.len(), rest.len()), (0, 0), "all of it belongs to the body");
                return Ok((data, trailers));
            }
            if rest.is_empty() {
                decoder.close()?;
                return Ok((data, trailers));
            }
            let (piece, more) = rest.split_at(lengths.next().unwrap_or(1).min(rest.len()));
            bytes.extend_from_slice(piece);
            rest = more;
        }
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_however_it_is_cut(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            lengths in prop::collection::vec(1..30_usize, 1..6),
            trailer in any::<bool>(),
        ) {
            let data = chunks.concat();
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:X};a=\"b\"\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(if trailer { b"0\r\nX-A: 1\r\n\r\n" } else { b"00\r\n\r\n" });
            let (got, trailers) = decoded(&mut Decoder::chunked(), &text, &lengths).unwrap();
            prop_assert_eq!(&got, &data);
            prop_assert_eq!(trailers.map(|trailers| trailers.len()), trailer.then_some(1));
            prop_assert_eq!(decoded(&mut Decoder::Length(data.len() as u64), &data, &lengths).unwrap().0, data.clone());
            prop_assert_eq!(decoded(&mut Decoder::UntilClose, &data, &lengths).unwrap().0, data);
        }

        #[test]
        fn whatever_comes_ends_in_a_body_or_an_error(
            text in prop::collection::vec(prop::sample::select(b"0a;\r\n \tX:".to_vec()), 0..60),
            lengths in prop::collection::vec(1..9_usize, 1..4),
        ) {
            let whole = |decoder: &mut Decoder, bytes: &mut BytesMut| {
                while decoder.decode(bytes).is_ok_and(|frame| frame.is_some()) {}
            };
            let (mut decoder, mut bytes) = (Decoder::chunked(), BytesMut::new());
            for piece in text.chunks(lengths[0]) {
                bytes.extend_from_slice(piece);
                whole(&mut decoder, &mut bytes);
            }
            prop_assert!(decoder.is_ended() || decoder.close().is_err());
        }
    }

    #[test]
    fn what_is_no_chunk() {
        for text in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "1 1\r\n",
            "1;a\nb\r\n",
            "10000000000000000\r\n",
            "1\r\nabc",
            "1\r\na\n\r\n",
            "0\r\nX A: 1\r\n\r\n",
        ] {
            assert!(
                matches!(decoded(&mut Decoder::chunked(), text.as_bytes(), &[1000]), Err(Http1Error::Malformed(_))),
                "{text:?}"
            );
        }
        let endless = format!("1;{}", "a".repeat(MAX_LINE));
        assert!(matches!(decoded(&mut Decoder::chunked(), endless.as_bytes(), &[1000]), Err(Http1Error::Malformed(_))));
        let endless = format!("0\r\nA: {}", "a".repeat(MAX_TRAILERS_LENGTH));
        assert!(matches!(decoded(&mut Decoder::chunked(), endless.as_bytes(), &[1000]), Err(Http1Error::Malformed(_))));
    }

    #[test]
    fn what_is_cut_short() {
        for text in ["", "5", "5\r\nab", "5\r\nabcde", "0\r\n", "0\r\nX-A: 1\r\n"] {
            assert!(
                matches!(decoded(&mut Decoder::chunked(), text.as_bytes(), &[3]), Err(Http1Error::CutShort)),
                "{text:?}"
            );
        }
        assert!(matches!(decoded(&mut Decoder::Length(3), b"ab", &[1]), Err(Http1Error::CutShort)));
    }
}
