//! Properties of the PROXY protocol's parser that hold for any bytes.

use super::proxy_protocol::{Parsed, parse};

/// Parses the first bytes of a connection as they come: a result does not change with more bytes, and a header is among
/// the bytes that came.
pub(crate) fn proxy_protocol(data: &[u8]) {
    let whole = parse(data);
    for end in 0..data.len().min(300) {
        let early = parse(&data[..end]);
        if let Parsed::Header(length, _) = early {
            assert!(length <= end);
        }
        assert!(early == Parsed::Incomplete || early == whole, "{early:?} of {end} bytes became {whole:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::proxy_protocol;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const TOKENS: &[&[u8]] = &[
        b"PROXY ",
        b"TCP4 ",
        b"TCP6 ",
        b"UNKNOWN",
        b"192.0.2.1 ",
        b"2001:db8::1 ",
        b"80 ",
        b"443",
        b"\r\n",
        b"\r\n\r\n\0\r\nQUIT\n",
        b"\x20\x00\x00\x00",
        b"\x21\x11\x00\x0c",
        b"\x21\x21\x00\x24",
        b"\xc0\x00\x02\x01\xc0\x00\x02\x02\x10\x00\x01\xbb",
        b"GET / HTTP/1.1\r\n",
    ];

    proptest! {
        #[test]
        fn likely_headers_are_not_judged_too_early(tokens in vec(select(TOKENS), 0..10)) {
            proxy_protocol(&tokens.concat());
        }

        #[test]
        fn any_bytes_are_not_judged_too_early(data in vec(any::<u8>(), 0..60)) {
            proxy_protocol(&data);
        }
    }
}
