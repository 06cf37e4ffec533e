//! Requests that must not reach a handler, over real sockets.

use crate::serve::test_kit::{Running, entry_point, read_response};
use std::io::Write as _;

/// Each gets `status`, the connection is closed, and the handler does not see the request, even if it comes byte by
/// byte.
fn all_refused(status: u16, requests: &[&str]) {
    let server = Running::start(entry_point("web"));
    for request in requests {
        let whole = server.until_closed(request.as_bytes());
        assert!(whole.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?} got {whole:?}");
        let mut stream = server.connect();
        for byte in request.as_bytes() {
            if stream.write_all(&[*byte]).is_err() {
                break;
            }
        }
        let slow = crate::serve::test_kit::read_to_end(&mut stream);
        assert!(slow.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?} byte by byte got {slow:?}");
        assert_eq!(server.handled(), 0, "{request:?}");
    }
}

#[test]
fn conflicting_lengths() {
    all_refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\nX: y\r\ncontent-LENGTH: 0\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 5\n\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello!",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
    );
}

#[test]
fn other_transfer_codings() {
    all_refused(501, &["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"]);
}

#[test]
fn broken_lines() {
    all_refused(
        400,
        &[
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: w\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
            "GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn targets_and_hosts() {
    all_refused(
        400,
        &[
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
            "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET /\"#y? HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a/#?x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a<b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn opaque_targets_are_refused_without_a_word() {
    let targets =
        ["http:a/admin", "http:a", "HTTPS:a/admin", "a:80", "mailto:a@b", "urn:a:b", "a/admin", "http:/admin"];
    let requests = targets.map(|target| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    all_refused(400, &requests.each_ref().map(String::as_str));
    let server = Running::start(entry_point("web"));
    for request in requests {
        let response = server.until_closed(request.as_bytes());
        assert!(response.ends_with("\r\n\r\n"), "{response:?}");
    }
}

#[test]
fn bytes_that_no_target_may_hold_are_escaped() {
    let server = Running::start(entry_point("web"));
    for (target, seen) in [
        ("/<a>?q=\"b\"#c", "/%3Ca%3E?q=%22b%22%23c"),
        ("/\"`?`", "/%22%60?%60"),
        ("http://a/x?{\"y\":1}", "/x?{%22y%22:1}"),
        ("/x?<", "/x?%3C"),
    ] {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );
        let responses = server.until_closed(request.as_bytes());
        assert!(
            responses.contains(&format!("GET {seen} a")) && responses.contains("GET /next a"),
            "{target} got {responses}"
        );
    }
    let response = server.until_closed(b"GET /\xff?\xff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(response.contains("GET /%FF?%FF a"), "{response}");
}

#[test]
fn expectations() {
    all_refused(417, &["POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 2\r\n\r\nhi"]);
}

#[test]
fn connect() {
    all_refused(501, &["CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"]);
}

#[test]
fn heads_that_are_too_large() {
    let mut point = entry_point("web");
    point.http.max_header_bytes = 9000;
    let server = Running::start(point);
    let head =
        |size: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n", "y".repeat(size));
    assert!(server.until_closed(head(8000).as_bytes()).starts_with("HTTP/1.1 200 "));
    assert_eq!(server.handled(), 1);
    for request in [head(9000), head(200_000), format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(10_000))] {
        let response = server.until_closed(request.as_bytes());
        assert!(response.starts_with("HTTP/1.1 431 "), "{response:?}");
    }
    assert_eq!(server.handled(), 1);
}

#[test]
fn what_follows_a_good_request_is_looked_at_too() {
    let server = Running::start(entry_point("web"));
    let bad = "POST /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";
    for good in [
        "GET /good HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
    ] {
        let before = server.handled();
        let at_once = server.until_closed(format!("{good}{bad}").as_bytes());
        assert!(at_once.starts_with("HTTP/1.1 200 ") && at_once.contains("HTTP/1.1 400 "), "{good:?} got {at_once:?}");
        let mut stream = server.connect();
        stream.write_all(good.as_bytes()).unwrap();
        assert!(read_response(&mut stream).starts_with("HTTP/1.1 200 "));
        stream.write_all(bad.as_bytes()).unwrap();
        assert!(crate::serve::test_kit::read_to_end(&mut stream).starts_with("HTTP/1.1 400 "));
        assert_eq!(server.handled() - before, 2, "{good:?}");
    }
}

/// The scanner goes on after a request for an upgrade that did not happen.
#[test]
fn what_follows_a_request_for_an_upgrade_is_looked_at_too() {
    let server = Running::start(entry_point("web"));
    let bad = "POST /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";
    let good = [
        "GET /1 HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
        "GET /2 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "POST /3 HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc",
        "POST /4 HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n",
        "POST /5 HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    ];
    let all = good.concat();
    for (good, count) in good.iter().copied().map(|good| (good, 1)).chain([(all.as_str(), good.len())]) {
        let before = server.handled();
        let at_once = server.until_closed(format!("{good}{bad}").as_bytes());
        assert_eq!(at_once.matches("HTTP/1.1 200 ").count(), count, "{good:?} got {at_once:?}");
        assert!(at_once.contains("HTTP/1.1 400 "), "{good:?} got {at_once:?}");
        let mut stream = server.connect();
        for piece in format!("{good}{bad}").as_bytes().chunks(9) {
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        let in_pieces = crate::serve::test_kit::read_to_end(&mut stream);
        assert_eq!(in_pieces.matches("HTTP/1.1 200 ").count(), count, "{good:?} got {in_pieces:?}");
        assert!(in_pieces.contains("HTTP/1.1 400 "), "{good:?} got {in_pieces:?}");
        assert_eq!(server.handled() - before, 2 * count, "{good:?}");
    }
}

#[test]
fn the_body_of_a_request_behind_an_upgrade_has_its_time_limit() {
    let mut point = entry_point("web");
    point.transport.read_timeout = std::time::Duration::from_millis(200);
    let server = Running::start(point);
    let asked =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsilence";
    let responses = server.until_closed(asked.as_bytes());
    assert_eq!(responses.matches("HTTP/1.1 200 ").count(), 1, "{responses:?}");
}

#[test]
fn bytes_behind_an_upgrade_that_happens_are_its_own() {
    let server = Running::start(entry_point("web"));
    let early = "GET /# HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
    let mut stream = server.connect();
    let ask = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    stream.write_all(format!("{ask}{early}").as_bytes()).unwrap();
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 101 "));
    for _ in 0..2 {
        let mut echoed = vec![0; early.len()];
        std::io::Read::read_exact(&mut stream, &mut echoed).unwrap();
        assert_eq!(String::from_utf8(echoed).unwrap(), early);
        stream.write_all(early.as_bytes()).unwrap();
    }
}

/// hyper would take the line, and everything after it, for a part of the trailers.
#[test]
fn lines_of_trailers_that_end_in_a_line_feed() {
    let server = Running::start(entry_point("web"));
    for trailers in ["\n", "X: y\n\r\n", "X: y\n\n", "\nX: y\r\n\r\n"] {
        let post = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n";
        let next = "POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n";
        let bad = "POST /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";
        let responses = server.until_closed(format!("{post}{trailers}{next}{bad}").as_bytes());
        assert!(!responses.contains("/next") && !responses.contains("/bad"), "{trailers:?} got {responses:?}");
    }
}

#[test]
fn bodies_may_look_like_bad_requests() {
    let server = Running::start(entry_point("web"));
    let text = "GET /#x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
    for framed in [
        format!("Content-Length: {}\r\n\r\n{text}", text.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n", text.len()),
    ] {
        let mut stream = server.connect();
        for _ in 0..2 {
            let request = format!("POST /p HTTP/1.1\r\nHost: a\r\n{framed}");
            for piece in request.as_bytes().chunks(7) {
                stream.write_all(piece).unwrap();
            }
            let response = read_response(&mut stream);
            assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with(text), "{response:?}");
        }
    }
}
