//! The limit on the number of fields of an HTTP/2 head, enforced before the head is decoded.
//!
//! A field that refers to the table of RFC 7541 is one byte on the wire and a hundred in memory, so a limit on the size
//! of a head bounds neither. The fields of each header block are counted as they come in, which needs neither the table
//! nor the texts and costs a nanosecond or two per field.

/// Maximum number of fields of a request, as over HTTP/1.1; the crumbs of its cookie count as one.
pub(super) const MAX_FIELDS: usize = 100;
/// Maximum number of crumbs of a cookie (RFC 9113 section 8.2.3). Browsers keep 180 cookies for a site.
pub(super) const MAX_CRUMBS: usize = 200;
/// Maximum number of fields that are decoded at all: a head with more than [`MAX_FIELDS`] gets a response, one with
/// more than this ends the connection, as its rest would have to be decoded to keep the table in step.
const MAX_DECODED: u32 = 512;
/// The same for trailers, which are buffered until the body is read. They are not forwarded.
const MAX_TRAILERS: u32 = 128;
/// Maximum length of trailers, encoded, in bytes.
const MAX_TRAILERS_LENGTH: u32 = 16 * 1024;

const PREFACE: usize = 24;
const FRAME_HEAD: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Parses the frames of one client.
#[derive(Debug)]
pub(super) struct Fields {
    at: At,
    block: Block,
    /// The highest stream that has been opened.
    last_stream: u32,
    /// Fields and bytes of the block so far, and their limits.
    fields: u32,
    length: u32,
    is_trailers: bool,
}

/// The position within the frames.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Within bytes to skip.
    Skip(usize),
    /// After so many bytes of a frame's head.
    Head(usize, [u8; FRAME_HEAD]),
    /// Before the length of the padding, which is the first of so many bytes; and the frame's flags.
    PadLength(usize, u8),
    /// `before` bytes before `block` bytes of the block and `padding`.
    Block { before: usize, block: usize, padding: usize },
}

/// The position within a block of headers (RFC 7541 section 6).
#[derive(Clone, Copy, Debug)]
enum Block {
    /// At the start of a field.
    Field,
    /// Within an integer, with so many texts before the next field.
    Integer(u8),
    /// Before the length of a text, with so many others after it.
    Text(u8),
    /// Within the length.
    TextLength { length: usize, shift: u32, others: u8 },
    /// Within a text of so many remaining bytes.
    Bytes(usize, u8),
}

/// The connection must end; the bytes before `at` may still be read. `left` bytes of the frame were to come.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct TooMany {
    pub(super) at: usize,
    pub(super) left: usize,
}

impl Fields {
    pub(super) fn new() -> Self {
        let at = At::Skip(PREFACE);
        Self { at, block: Block::Field, last_stream: 0, fields: 0, length: 0, is_trailers: false }
    }

    /// Scans `bytes`, which come next on the connection.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<(), TooMany> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.at {
                At::Skip(left) => {
                    let count = rest.len().min(left);
                    self.at = next_frame(left - count);
                    count
                }
                At::Head(have, mut head) => {
                    let count = rest.len().min(FRAME_HEAD - have);
                    for (byte, to) in rest.iter().zip(head.iter_mut().skip(have)) {
                        *to = *byte;
                    }
                    self.at = if have + count == FRAME_HEAD { self.frame(head) } else { At::Head(have + count, head) };
                    count
                }
                At::PadLength(length, flags) => {
                    let padding = rest.first().copied().map_or(0, usize::from);
                    self.at = block(length - 1, padding, flags);
                    1
                }
                At::Block { before, block, padding } if before > 0 => {
                    let count = rest.len().min(before);
                    self.at = At::Block { before: before - count, block, padding };
                    count
                }
                At::Block { block, padding, .. } => {
                    let count = rest.len().min(block);
                    let read = self.read(rest.get(..count).unwrap_or(rest));
                    if let Some(good) = read {
                        return Err(TooMany { at: at + good, left: block - good + padding });
                    }
                    self.at = At::Block { before: 0, block: block - count, padding };
                    if count == block {
                        self.at = next_frame(padding);
                    }
                    count
                }
            };
        }
        Ok(())
    }

    /// The state after a frame's head.
    fn frame(&mut self, head: [u8; FRAME_HEAD]) -> At {
        let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = head;
        let length = usize::from(l1) << 16 | usize::from(l2) << 8 | usize::from(l3);
        match kind {
            HEADERS => {
                let stream = u32::from_be_bytes([s1 & 0x7f, s2, s3, s4]);
                self.is_trailers = stream <= self.last_stream;
                self.last_stream = self.last_stream.max(stream);
                (self.block, self.fields, self.length) = (Block::Field, 0, 0);
                if flags & PADDED != 0 && length > 0 { At::PadLength(length, flags) } else { block(length, 0, flags) }
            }
            CONTINUATION => block(length, 0, 0),
            _ => next_frame(length),
        }
    }

    /// Scans bytes of a block. If there are too many fields, returns the number of bytes that are still good.
    fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        self.length = self.length.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let max_fields = if self.is_trailers { MAX_TRAILERS } else { MAX_DECODED };
        if self.is_trailers && self.length > MAX_TRAILERS_LENGTH {
            return Some(0);
        }
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Block::Bytes(left, others) = self.block {
                let count = left.min(bytes.len() - at);
                self.block = if count == left { after_text(others) } else { Block::Bytes(left - count, others) };
                at += count;
                continue;
            }
            if matches!(self.block, Block::Field) && byte & 0xe0 != 0x20 {
                if self.fields == max_fields {
                    return Some(at);
                }
                self.fields += 1;
            }
            self.block = self.block.step(byte);
            at += 1;
        }
        None
    }
}

fn next_frame(skip: usize) -> At {
    if skip == 0 { At::Head(0, [0; FRAME_HEAD]) } else { At::Skip(skip) }
}

/// A frame of so many bytes after the length of its padding. hyper refuses one too short for its padding.
fn block(length: usize, padding: usize, flags: u8) -> At {
    let before = if flags & PRIORITY != 0 { 5.min(length) } else { 0 };
    let padding = padding.min(length - before);
    if length == 0 {
        return next_frame(0);
    }
    At::Block { before, block: length - before - padding, padding }
}

fn after_text(others: u8) -> Block {
    if others == 0 { Block::Field } else { Block::Text(others - 1) }
}

impl Block {
    /// Takes one byte outside of a text.
    fn step(self, byte: u8) -> Self {
        match self {
            // An integer has a prefix of some bits, and goes on if all of them are set (section 5.1).
            Self::Field => match byte {
                0x80.. => {
                    if byte == 0xff {
                        Self::Integer(0)
                    } else {
                        Self::Field
                    }
                }
                0x40..=0x7f => literal(byte & 0x3f, 0x3f),
                0x20..=0x3f => {
                    if byte == 0x3f {
                        Self::Integer(0)
                    } else {
                        Self::Field
                    }
                }
                0x00..=0x1f => literal(byte & 0x0f, 0x0f),
            },
            Self::Integer(texts) if byte & 0x80 != 0 => Self::Integer(texts),
            Self::Integer(0) => Self::Field,
            Self::Integer(texts) => Self::Text(texts - 1),
            Self::Text(others) => match usize::from(byte & 0x7f) {
                0 => after_text(others),
                0x7f => Self::TextLength { length: 0x7f, shift: 0, others },
                length => Self::Bytes(length, others),
            },
            Self::TextLength { length, shift, others } => {
                // Longer integers end the connection.
                let length = length.saturating_add(usize::from(byte & 0x7f) << shift.min(28));
                if byte & 0x80 != 0 {
                    Self::TextLength { length, shift: shift.saturating_add(7), others }
                } else {
                    Self::Bytes(length, others)
                }
            }
            Self::Bytes(..) => self,
        }
    }
}

/// A literal field, whose name is a text of its own if its index is zero.
fn literal(index: u8, all: u8) -> Block {
    match index {
        0 => Block::Text(1),
        index if index == all => Block::Integer(1),
        _ => Block::Text(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END_HEADERS: u8 = 0x4;

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = payload.len().to_be_bytes();
        let mut frame = length[length.len() - 3..].to_vec();
        frame.extend([kind, flags, 0, 0, 0, stream]);
        frame.extend(payload);
        frame
    }

    fn preface() -> Vec<u8> {
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[0; 6])].concat()
    }

    /// The offset from the stream's start at which it is refused, and the rest of the frame in bytes.
    fn judged(stream: &[u8], size: usize) -> Option<(usize, usize)> {
        let (mut fields, mut before) = (Fields::new(), 0);
        for piece in stream.chunks(size) {
            if let Err(TooMany { at, left }) = fields.scan(piece) {
                return Some((before + at, left));
            }
            before += piece.len();
        }
        None
    }

    /// One field of each form, 9 in all, and two table size updates.
    fn every_form() -> Vec<u8> {
        let long = |length: u8| vec![b'v'; 0x7f + usize::from(length)];
        [
            b"\x20\x3f\xe1\x1f".to_vec(),
            b"\x82".to_vec(),
            b"\xff\x80\x01".to_vec(),
            b"\x40\x01a\x00".to_vec(),
            b"\x00\x02ab\x03\x80\x81\x82".to_vec(),
            b"\x10\x01a\x01b".to_vec(),
            b"\x41\x03a.b".to_vec(),
            b"\x7f\x80\x01\x01b".to_vec(),
            [b"\x04\x7f\x09".to_vec(), long(9)].concat(),
            [b"\x0f\x02\xff\x80\x01".to_vec(), vec![b'v'; 0x7f + 128]].concat(),
        ]
        .concat()
    }

    #[test]
    fn fields_of_every_form_are_counted_whatever_the_pieces() {
        let forms = every_form();
        let whole = forms.repeat(56);
        let full = [&whole[..], &[0x82; MAX_DECODED as usize - 56 * 9]].concat();
        for (block, refused) in [(full.clone(), false), ([&full[..], b"\x82"].concat(), true)] {
            let stream =
                [preface(), frame(HEADERS, END_HEADERS, 1, &block), frame(HEADERS, END_HEADERS, 3, &full)].concat();
            for size in [1, 2, 3, 7, 100, stream.len()] {
                let wanted = refused.then(|| (preface().len() + FRAME_HEAD + full.len(), 1));
                assert_eq!(judged(&stream, size), wanted, "{size}");
            }
        }
    }

    #[test]
    fn padding_priorities_and_continuations_are_followed() {
        let one = [0x82; 500];
        let padded = [&[3, 0, 0, 0, 0, 1][..], &one, &[0x82; 3]].concat();
        let start = [preface(), frame(0, 0, 1, &[0x82; 9000]), frame(HEADERS, PADDED | PRIORITY, 1, &padded)].concat();
        // A text over three frames.
        let pieces = [
            frame(CONTINUATION, 0, 1, b"\x00\x01"),
            frame(CONTINUATION, 0, 1, b""),
            frame(CONTINUATION, 0, 1, b"a\x04\x82"),
        ];
        let start = [start, pieces.concat(), frame(CONTINUATION, 0, 1, &[0x82; 14])].concat();
        let good =
            [start.clone(), frame(CONTINUATION, END_HEADERS, 1, b""), frame(HEADERS, END_HEADERS, 3, &one)].concat();
        let bad = [start.clone(), frame(CONTINUATION, END_HEADERS, 1, b"\x82\x82")].concat();
        for size in [1, 5, 4096, 1 << 20] {
            assert_eq!(judged(&good, size), None, "{size}");
            assert_eq!(judged(&bad, size), Some((start.len() + FRAME_HEAD, 2)), "{size}");
        }
    }

    #[test]
    fn trailers_are_shorter() {
        let head = [preface(), frame(HEADERS, END_HEADERS, 1, &[0x82; 200])].concat();
        let few = [head.clone(), frame(HEADERS, END_HEADERS | 1, 1, &[0x82; MAX_TRAILERS as usize])].concat();
        assert_eq!(judged(&few, 1000), None);
        let many = [head.clone(), frame(HEADERS, END_HEADERS | 1, 1, &[0x82; 200])].concat();
        assert_eq!(
            judged(&many, 1000),
            Some((head.len() + FRAME_HEAD + MAX_TRAILERS as usize, 200 - MAX_TRAILERS as usize))
        );
        let long = [b"\x00\x01a\x7f\xff\x7f".to_vec(), vec![b'v'; 16000]].concat();
        let start = [head, frame(HEADERS, 1, 1, &long)].concat();
        let long = [start.clone(), frame(CONTINUATION, END_HEADERS, 1, &[b'v'; 1000])].concat();
        assert_eq!(judged(&long, 1 << 20), Some((start.len() + FRAME_HEAD, 1000)));
    }

    #[test]
    fn what_is_no_http2_does_no_harm() {
        for size in [1, 9, 100] {
            for bytes in [&[0xff; 10_000][..], &[0; 10_000], b"GET / HTTP/1.1\r\n\r\n"] {
                let _ = judged(bytes, size);
            }
        }
    }
}
