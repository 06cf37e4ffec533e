//! Guesses the type of a body without one: the part of the MIME sniffing standard that Go's `http.DetectContentType`
//! has and that types in a configuration name.

/// The media type that the first bytes suggest.
pub(crate) fn media_type(body: &[u8]) -> &'static str {
    let body = body.get(..512).unwrap_or(body);
    let text = body.trim_ascii_start();
    if starts_with_tag(text) {
        return "text/html";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml";
    }
    for (signature, media_type) in SIGNATURES {
        if body.starts_with(signature) {
            return media_type;
        }
    }
    if body.starts_with(b"RIFF") {
        match body.get(8..14) {
            Some(b"WEBPVP") => return "image/webp",
            Some([b'W', b'A', b'V', b'E', ..]) => return "audio/wave",
            _ => {}
        }
    }
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if body.iter().any(is_binary) { "application/octet-stream" } else { "text/plain" }
}

const SIGNATURES: [(&[u8], &str); 17] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xfe\xff", "text/plain"),
    (b"\xff\xfe", "text/plain"),
    (b"\xef\xbb\xbf", "text/plain"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\0", "application/ogg"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
];

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

fn starts_with_tag(text: &[u8]) -> bool {
    TAGS.iter().any(|tag| {
        let is_tag = text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
        is_tag && (*tag == b"<!--" || matches!(text.get(tag.len()), Some(b' ' | b'>')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_common_bodies() {
        for (body, wanted) in [
            (&b" \n<!doctype html><p>"[..], "text/html"),
            (b"<b>x</b>", "text/html"),
            (b"<bold>", "text/plain"),
            (b"<?xml version", "text/xml"),
            (b"{\"a\": 1}", "text/plain"),
            (b"\x89PNG\r\n\x1a\n....", "image/png"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"\x01\x02", "application/octet-stream"),
            (b"", "text/plain"),
        ] {
            assert_eq!(media_type(body), wanted);
        }
    }
}
