//! The type of a body that has none, guessed from its first bytes as Go's `http.DetectContentType` does, which follows
//! the MIME sniffing standard (<https://mimesniff.spec.whatwg.org/>, sections 6 and 7).

/// The most bytes that are looked at.
const LENGTH: usize = 512;

/// The value of `Content-Type` that the first bytes of `body` suggest.
pub(crate) fn content_type(body: &[u8]) -> &'static str {
    let body = body.get(..LENGTH).unwrap_or(body);
    let text = body.trim_ascii_start();
    if starts_with_tag(text) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some((_, found)) = SIGNATURES.iter().find(|(signature, _)| matches(body, signature)) {
        return found;
    }
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if text.iter().any(is_binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}

/// The same without parameters.
pub(crate) fn media_type(body: &[u8]) -> &'static str {
    let found = content_type(body);
    found.split_once(';').map_or(found, |(media_type, _)| media_type)
}

/// A test of the first bytes.
enum Signature {
    /// They are these.
    Bytes(&'static [u8]),
    /// They are these, and so many more follow.
    BytesAnd(&'static [u8], usize),
    /// They are the first, any four, and the second.
    Chunk(&'static [u8; 4], &'static [u8]),
    /// Any 34, and `LP`.
    EmbeddedFont,
    /// A box of file types, one of which is `mp4`.
    Mp4,
}

use Signature::{Bytes, BytesAnd, Chunk, EmbeddedFont, Mp4};

/// In the order in which they are asked.
const SIGNATURES: [(Signature, &str); 32] = [
    (Bytes(b"%PDF-"), "application/pdf"),
    (Bytes(b"%!PS-Adobe-"), "application/postscript"),
    (BytesAnd(b"\xfe\xff", 2), "text/plain; charset=utf-16be"),
    (BytesAnd(b"\xff\xfe", 2), "text/plain; charset=utf-16le"),
    (BytesAnd(b"\xef\xbb\xbf", 1), "text/plain; charset=utf-8"),
    (Bytes(b"\x00\x00\x01\x00"), "image/x-icon"),
    (Bytes(b"\x00\x00\x02\x00"), "image/x-icon"),
    (Bytes(b"BM"), "image/bmp"),
    (Bytes(b"GIF87a"), "image/gif"),
    (Bytes(b"GIF89a"), "image/gif"),
    (Chunk(b"RIFF", b"WEBPVP"), "image/webp"),
    (Bytes(b"\x89PNG\r\n\x1a\n"), "image/png"),
    (Bytes(b"\xff\xd8\xff"), "image/jpeg"),
    (Chunk(b"FORM", b"AIFF"), "audio/aiff"),
    (Bytes(b"ID3"), "audio/mpeg"),
    (Bytes(b"OggS\0"), "application/ogg"),
    (Bytes(b"MThd\0\0\0\x06"), "audio/midi"),
    (Chunk(b"RIFF", b"AVI "), "video/avi"),
    (Chunk(b"RIFF", b"WAVE"), "audio/wave"),
    (Mp4, "video/mp4"),
    (Bytes(b"\x1a\x45\xdf\xa3"), "video/webm"),
    (EmbeddedFont, "application/vnd.ms-fontobject"),
    (Bytes(b"\x00\x01\x00\x00"), "font/ttf"),
    (Bytes(b"OTTO"), "font/otf"),
    (Bytes(b"ttcf"), "font/collection"),
    (Bytes(b"wOFF"), "font/woff"),
    (Bytes(b"wOF2"), "font/woff2"),
    (Bytes(b"\x1f\x8b\x08"), "application/x-gzip"),
    (Bytes(b"PK\x03\x04"), "application/zip"),
    (Bytes(b"Rar!\x1a\x07\0"), "application/x-rar-compressed"),
    (Bytes(b"Rar!\x1a\x07\x01\0"), "application/x-rar-compressed"),
    (Bytes(b"\0asm"), "application/wasm"),
];

fn matches(body: &[u8], signature: &Signature) -> bool {
    match signature {
        Bytes(bytes) => body.starts_with(bytes),
        BytesAnd(bytes, more) => body.starts_with(bytes) && body.len() >= bytes.len() + more,
        Chunk(kind, form) => body.starts_with(*kind) && body.get(8..).is_some_and(|rest| rest.starts_with(form)),
        EmbeddedFont => body.get(34..36) == Some(b"LP"),
        Mp4 => is_mp4(body),
    }
}

/// True for an ISO media file with the brand `mp4`; its second word is a version.
fn is_mp4(body: &[u8]) -> bool {
    let Some(length) = body.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize) else { return false };
    let Some(file_types) = body.get(..length).filter(|_| length.is_multiple_of(4) && body.len() >= 12) else {
        return false;
    };
    let brands = file_types.chunks(4).enumerate().skip(2).filter(|(index, _)| *index != 3);
    file_types.get(4..8) == Some(b"ftyp") && brands.map(|(_, brand)| brand).any(|brand| brand.starts_with(b"mp4"))
}

const TAGS: [&[u8]; 17] = [
    b"<!DOCTYPE HTML",
    b"<HTML",
    b"<HEAD",
    b"<SCRIPT",
    b"<IFRAME",
    b"<H1",
    b"<DIV",
    b"<FONT",
    b"<TABLE",
    b"<A",
    b"<STYLE",
    b"<TITLE",
    b"<B",
    b"<BODY",
    b"<BR",
    b"<P",
    b"<!--",
];

/// True if a tag of HTML begins the text and ends, or has attributes.
fn starts_with_tag(text: &[u8]) -> bool {
    TAGS.iter().any(|tag| {
        let is_tag = text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
        is_tag && matches!(text.get(tag.len()), Some(b' ' | b'>'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_go_knows() {
        for (body, wanted) in [
            (&b" \n<!doctype html><p>"[..], "text/html; charset=utf-8"),
            (b"<b>x</b>", "text/html; charset=utf-8"),
            (b"<b class=x>", "text/html; charset=utf-8"),
            (b"<!-- x", "text/html; charset=utf-8"),
            (b"<!--x", "text/plain; charset=utf-8"),
            (b"<bold>", "text/plain; charset=utf-8"),
            (b"<p", "text/plain; charset=utf-8"),
            (b"\t<?xml version", "text/xml; charset=utf-8"),
            (b"{\"a\": 1}", "text/plain; charset=utf-8"),
            (b"%PDF-1.7", "application/pdf"),
            (b"\xfe\xffab", "text/plain; charset=utf-16be"),
            (b"\xff\xfeab", "text/plain; charset=utf-16le"),
            (b"\xef\xbb\xbfa", "text/plain; charset=utf-8"),
            (b"\x00\x00\x02\x00", "image/x-icon"),
            (b"\x89PNG\r\n\x1a\n....", "image/png"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"RIFF....WAVEfmt ", "audio/wave"),
            (b"RIFF....AVI ", "video/avi"),
            (b"FORM....AIFF", "audio/aiff"),
            (b"MThd\0\0\0\x06\0\x01", "audio/midi"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video/mp4"),
            (b"\0\0\0\x14ftypisom\0\0\0\0mp41", "video/mp4"),
            (b"\0\0\0\x14ftypisommp41isom", "application/octet-stream"),
            (b"\0\0\0\x13ftypmp42\0\0\0\0mp4", "application/octet-stream"),
            (b"\x1a\x45\xdf\xa3", "video/webm"),
            (b"\x00\x01\x00\x00", "font/ttf"),
            (b"..................................LP", "application/vnd.ms-fontobject"),
            (b"wOF2", "font/woff2"),
            (b"\x1f\x8b\x08", "application/x-gzip"),
            (b"Rar!\x1a\x07\x01\0", "application/x-rar-compressed"),
            (b"\0asm", "application/wasm"),
            (b"\x01\x02", "application/octet-stream"),
            (b"a\x1bb", "text/plain; charset=utf-8"),
            (b"", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(content_type(body), wanted, "{:?}", String::from_utf8_lossy(body));
        }
        assert_eq!(media_type(b"<a>"), "text/html");
        assert_eq!(media_type(b"BM"), "image/bmp");
    }

    #[test]
    fn only_the_beginning_counts() {
        let mut long = vec![b'a'; LENGTH];
        long.push(0);
        assert_eq!(content_type(&long), "text/plain; charset=utf-8");
        assert_eq!(content_type(&long[1..]), "application/octet-stream");
    }
}
