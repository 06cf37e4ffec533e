//! Properties of the reader of responses that hold for any bytes.

use super::decoder::Decoder;
use super::response;
use bytes::BytesMut;
use http::{HeaderMap, Method, StatusCode};

/// Longer responses meet limits, which depend on how much came at once.
const MAX_LENGTH: usize = 4000;

/// A response as far as it came.
#[derive(Debug, Default, Eq, PartialEq)]
struct Received {
    head: Option<(StatusCode, HeaderMap, bool)>,
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// The error that ended it.
    error: Option<String>,
    /// Bytes behind it.
    behind: Vec<u8>,
}

/// Reads a response whole and in pieces: both give the same. The first byte is the size of a piece, and the second
/// decides the method.
pub(crate) fn response(data: &[u8]) {
    let Some(([size, method], text)) = data.split_first_chunk::<2>() else { return };
    let text = &text[..text.len().min(MAX_LENGTH)];
    let method = if *method % 4 == 0 { Method::HEAD } else { Method::GET };
    let whole = received(&method, [text].into_iter());
    assert!(whole.data.len() + whole.behind.len() <= text.len());
    assert_eq!(whole, received(&method, text.chunks(usize::from(*size).max(1))));
}

fn received<'a>(method: &Method, pieces: impl Iterator<Item = &'a [u8]>) -> Received {
    let mut received = Received::default();
    let (mut bytes, mut body) = (BytesMut::new(), None);
    for piece in pieces {
        bytes.extend_from_slice(piece);
        if received.error.is_none()
            && let Err(error) = step(method, &mut bytes, &mut body, &mut received)
        {
            received.error = Some(error);
        }
    }
    match &mut body {
        Some(body) if received.error.is_none() => received.error = body.close().err().map(|error| error.to_string()),
        _ => {}
    }
    if received.error.is_none() {
        received.behind = bytes.to_vec();
    }
    received
}

/// Reads as far as the bytes go.
fn step(
    method: &Method,
    bytes: &mut BytesMut,
    body: &mut Option<Decoder>,
    received: &mut Received,
) -> Result<(), String> {
    if body.is_none() {
        let Some(head) = response::take(bytes, method).map_err(|error| error.to_string())? else { return Ok(()) };
        received.head = Some((head.response.status(), head.response.headers().clone(), head.keep_alive));
        *body = Some(head.body);
    }
    let Some(body) = body else { return Ok(()) };
    while let Some(frame) = body.decode(bytes).map_err(|error| error.to_string())? {
        match frame.into_data() {
            Ok(data) => received.data.extend_from_slice(&data),
            Err(frame) => received.trailers = frame.into_trailers().ok(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::response;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const TOKENS: &[&str] = &[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 204 \r\n",
        "HTTP/1.1 304 Not Modified\n",
        "Content-Length: 4\r\n",
        "Content-Length: 4, 4\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, keep-alive\r\n",
        "Trailer: X\r\n",
        "X: y\r\n",
        "X : y\r\n",
        " folded\r\n",
        "\r\n",
        "\n",
        "\r",
        "4;x=y\r\n",
        "abcd",
        "abcd\r\n",
        "0\r\n",
        "0\r\n\r\n",
        ":",
    ];

    proptest! {
        #[test]
        fn likely_responses_are_read_alike_in_pieces(
            (size, method) in (1..40_u8, any::<u8>()),
            tokens in vec(select(TOKENS), 0..14),
        ) {
            response(&[&[size, method], "HTTP/1.1 200 OK\r\n".as_bytes(), tokens.concat().as_bytes()].concat());
        }

        #[test]
        fn any_bytes_are_read_alike_in_pieces(data in vec(any::<u8>(), 0..100)) {
            response(&data);
        }
    }
}
