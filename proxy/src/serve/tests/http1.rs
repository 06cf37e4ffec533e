use crate::serve::test_kit::{Running, entry_point, read_response, read_to_end};
use crate::worker::Threads;
use flow_model::entry_point::ProxyProtocol;
use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[test]
fn keeps_connections_alive_and_counts_them() {
    for threads in [Threads::PerCore(2), Threads::Shared(2)] {
        let server = Running::start_with(entry_point("web"), threads, &Default::default());
        let mut stream = server.connect();
        for _ in 0..3 {
            stream.write_all(GET).unwrap();
            let response = read_response(&mut stream);
            assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
            assert!(response.contains("\r\nDate: "), "{response}");
            assert!(response.contains("GET /x a.test 127.0.0.1:"), "{response}");
        }
        assert_eq!(server.server.entries()[0].open_connections(), 1);
        stream.shutdown(std::net::Shutdown::Both).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while server.server.entries()[0].open_connections() > 0 {
            assert!(Instant::now() < deadline, "the connection is still counted");
            std::thread::yield_now();
        }
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Running::start(entry_point("web"));
    let responses = server.until_closed(
        b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let places: Vec<_> = ["GET /1", "POST /2", "GET /3"].iter().map(|text| responses.find(text).unwrap()).collect();
    assert!(places.is_sorted(), "{responses}");
    assert!(responses.ends_with("- "));
}

#[test]
fn old_clients_are_served() {
    let server = Running::start(entry_point("web"));
    let response = server.until_closed(b"GET http://a.test/x HTTP/1.0\r\n\r\n");
    assert!(response.starts_with("HTTP/1.0 200 OK") && response.contains("GET /x a.test"), "{response}");
    let mut stream = server.connect();
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap();
        assert!(read_response(&mut stream).starts_with("HTTP/1.0 200 OK"));
    }
}

#[test]
fn clients_that_expect_are_told_to_continue() {
    let server = Running::start(entry_point("web"));
    let mut stream = server.connect();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
    assert_eq!(read_response(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hi").unwrap();
    assert!(read_response(&mut stream).ends_with(" hi"));
}

#[test]
fn options_of_the_server_itself_are_answered() {
    let server = Running::start(entry_point("web"));
    let response = server.until_closed(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 200 OK") && response.contains("Content-Length: 0"), "{response}");
    assert_eq!(server.handled(), 0);
}

#[test]
fn a_panic_is_a_500_and_the_connection_lives() {
    let server = Running::start(entry_point("web"));
    let mut stream = server.connect();
    stream.write_all(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 500 "));
    stream.write_all(GET).unwrap();
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200 "));
}

#[test]
fn the_handler_is_dropped_when_the_client_goes() {
    let server = Running::start(entry_point("web"));
    let mut stream = server.connect();
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    block_on(server.teller.waiting.acquire()).unwrap().forget();
    drop(stream);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.teller.gone.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "still at work for nobody");
        std::thread::yield_now();
    }
}

#[test]
fn upgraded_connections_carry_anything() {
    let server = Running::start(entry_point("web"));
    let mut stream = server.connect();
    stream.write_all(b"GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").unwrap();
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 101 "));
    let raw = b"GET /# HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n\0\0";
    stream.write_all(raw).unwrap();
    let mut back = vec![0; raw.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, raw);
    assert_eq!(server.server.entries()[0].open_connections(), 1);
}

#[test]
fn an_upgrade_that_is_declined_leaves_http() {
    let server = Running::start(entry_point("web"));
    let mut stream = server.connect();
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n").unwrap();
        assert!(read_response(&mut stream).starts_with("HTTP/1.1 200 "));
    }
    stream.write_all(b"GET /# HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(read_to_end(&mut stream).starts_with("HTTP/1.1 400 "));
}

#[test]
fn the_last_request_of_a_connection_is_announced() {
    let mut point = entry_point("web");
    point.transport.keep_alive_max_requests = 2;
    let server = Running::start(point);
    let mut stream = server.connect();
    stream.write_all(GET).unwrap();
    assert!(!read_response(&mut stream).contains("Connection: close"));
    stream.write_all(GET).unwrap();
    let last = read_to_end(&mut stream);
    assert!(last.contains("\r\nConnection: close\r\n"), "{last}");
}

#[test]
fn a_connection_that_is_old_enough_ends_with_its_next_request() {
    let mut point = entry_point("web");
    point.transport.keep_alive_max_time = Duration::from_millis(20);
    let server = Running::start(point);
    let mut stream = server.connect();
    loop {
        stream.write_all(GET).unwrap();
        if read_response(&mut stream).contains("Connection: close") {
            break;
        }
    }
    assert_eq!(read_to_end(&mut stream), "");
}

#[test]
fn idle_and_slow_clients_are_let_go() {
    let mut point = entry_point("web");
    point.transport.read_timeout = Duration::from_millis(100);
    point.transport.idle_timeout = Duration::from_millis(100);
    let server = Running::start(point);
    for start in [b"".as_slice(), b"GET / HT", GET, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"] {
        let started = Instant::now();
        server.until_closed(start);
        assert!(started.elapsed() >= Duration::from_millis(100), "{start:?}");
    }
}

#[test]
fn a_slow_backend_is_no_slow_client() {
    let mut point = entry_point("web");
    point.transport.read_timeout = Duration::from_millis(20);
    point.transport.idle_timeout = Duration::from_millis(20);
    let server = Running::start(point);
    let mut stream = server.connect();
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    block_on(server.teller.waiting.acquire()).unwrap().forget();
    std::thread::sleep(Duration::from_millis(100));
    server.teller.permits.add_permits(1);
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_trusted_proxy_names_the_client() {
    let mut point = entry_point("web");
    point.proxy_protocol = Some(ProxyProtocol { insecure: false, trusted: vec!["127.0.0.0/8".parse().unwrap()] });
    let server = Running::start(point.clone());
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let v1 = format!("PROXY TCP4 192.0.2.9 192.0.2.1 4711 80\r\n{close}");
    assert!(server.until_closed(v1.as_bytes()).contains(" 192.0.2.9:4711 "));
    let v2 =
        [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\xc0\0\x02\x01\0\x09\0\x50".as_slice(), close.as_bytes()]
            .concat();
    assert!(server.until_closed(&v2).contains(" 192.0.2.9:9 "));
    assert!(server.until_closed(close.as_bytes()).contains(" 127.0.0.1:"), "the header is no duty");
    assert_eq!(server.until_closed(b"PROXY TCP9 nonsense\r\nGET / HTTP/1.1\r\n"), "");

    point.proxy_protocol = Some(ProxyProtocol::default());
    let server = Running::start(point);
    assert!(server.until_closed(v1.as_bytes()).contains(" 127.0.0.1:"), "a stranger's header is passed over");
    let server = Running::start(entry_point("web"));
    assert!(server.until_closed(v1.as_bytes()).starts_with("HTTP/1.1 400 "), "without the option it is no header");
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn trailers_are_announced_to_those_who_get_them() {
    let server = Running::start(entry_point("web"));
    for (request, announced) in [
        ("GET /trailers HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\nConnection: close\r\n\r\n", true),
        ("GET /trailers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
        ("GET /trailers HTTP/1.1\r\nHost: a\r\nTE: gzip\r\nConnection: close\r\n\r\n", false),
        ("GET /trailers HTTP/1.0\r\nHost: a\r\nTE: trailers\r\n\r\n", false),
    ] {
        let response = server.until_closed(request.as_bytes());
        assert!(response.contains("hi"), "{response}");
        assert_eq!(response.contains("Trailer: etag\r\n"), announced, "{request} got {response}");
        assert_eq!(response.contains("Etag: t\r\n"), announced, "{request} got {response}");
    }
}
