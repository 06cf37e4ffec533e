//! Properties of the request scanner that hold for any bytes.

use super::activity::ConnectionActivity;
use super::scanner::{Escaped, RequestScanner};
use percent_encoding::percent_decode;

/// The end of a scan.
#[derive(Debug, Eq, PartialEq)]
enum End {
    /// All bytes may be read.
    Read,
    /// The request is refused at this index.
    Refused(usize),
    /// Bytes wait from this index on.
    Waits(usize),
}

/// Scans requests whole and in pieces: both read the same, and refuse the same. The first byte is the size of a piece.
pub(crate) fn requests(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let pieces = stream.chunks(usize::from(*size).max(1));
    assert_eq!(scanned([stream].into_iter(), stream.len()), scanned(pieces, stream.len()));
}

/// The bytes that hyper reads, and the end. Escapes are decoded: half a character at the end of a piece is escaped, a
/// whole one is not.
fn scanned<'a>(pieces: impl Iterator<Item = &'a [u8]>, max_line: usize) -> (Vec<u8>, End) {
    // Longer lines are not followed, and then the pieces matter.
    let (mut scanner, activity) = (RequestScanner::new(max_line), ConnectionActivity::default());
    let (mut read, mut before, mut end) = (Vec::new(), 0, End::Read);
    for piece in pieces {
        let scanned = match scanner.scan(piece, &activity) {
            Ok(scanned) => scanned,
            Err(refused) => {
                assert!(refused.at < piece.len());
                end = End::Refused(before + refused.at);
                break;
            }
        };
        let looked_at = scanned.waits.map_or(piece, |at| &piece[..at]);
        match scanned.escaped {
            Some(Escaped { at, rest }) => read.extend([&looked_at[..at], &rest].concat()),
            None => read.extend_from_slice(looked_at),
        }
        if let Some(at) = scanned.waits {
            end = End::Waits(before + at);
            break;
        }
        before += piece.len();
    }
    if let End::Refused(_) = end {
        // The bytes of the last piece may be read or not: hyper never sees the request's end.
        read.clear();
    }
    (percent_decode(&read).collect(), end)
}

#[cfg(test)]
mod tests {
    use super::requests;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const TOKENS: &[&str] = &[
        "GET / HTTP/1.1\r\n",
        "POST /\"<\u{e9}>?q=#` HTTP/1.1\r\n",
        "P /#",
        "Host: a\r\n",
        "Content-Length: 4\r\n",
        "content-length:  0 \r\n",
        "Transfer-Encoding: chunked\r\n",
        "Upgrade: x\r\n",
        "\r\n",
        "\n",
        "\r",
        "4;x=y\r\n",
        "abcd",
        "0\r\n",
        "0\r\n\r\n",
        "X: y\r\n",
        " ",
        "#",
    ];

    proptest! {
        #[test]
        fn likely_requests_are_scanned_alike_in_pieces(size in 1..40_u8, tokens in vec(select(TOKENS), 0..16)) {
            requests(&[&[size], tokens.concat().as_bytes()].concat());
        }

        #[test]
        fn any_bytes_are_scanned_alike_in_pieces(data in vec(any::<u8>(), 0..100)) {
            requests(&data);
        }
    }
}
