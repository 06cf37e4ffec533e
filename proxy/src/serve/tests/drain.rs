use crate::serve::test_kit::{Running, entry_point, read_response, read_to_end};
use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

async fn closing(server: &crate::listener::Entry) {
    while !server.is_closing() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_end_and_connections_with_them() {
    let Running { server, address, teller } = Running::start(entry_point("web"));
    let entry = server.entries()[0].clone();
    let mut busy = TcpStream::connect(address).unwrap();
    busy.write_all(WAIT).unwrap();
    teller.waiting.acquire().await.unwrap().forget();
    let mut used = TcpStream::connect(address).unwrap();
    used.write_all(GET).unwrap();
    assert!(!read_response(&mut used).contains("Connection: close"));
    let mut idle = TcpStream::connect(address).unwrap();
    idle.write_all(GET).unwrap();
    read_response(&mut idle);

    let started = Instant::now();
    let drained = tokio::spawn(server.drain());
    closing(&entry).await;
    // A client that did not know yet still gets a response with `Connection: close`.
    used.write_all(GET).unwrap();
    let told = read_to_end(&mut used);
    assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("\r\nConnection: close\r\n"), "{told}");
    assert_eq!(read_to_end(&mut idle), "", "idle connections are closed");
    teller.permits.add_permits(1);
    let last = read_to_end(&mut busy);
    assert!(last.starts_with("HTTP/1.1 200 ") && last.contains("\r\nConnection: close\r\n"), "{last}");
    drained.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "nothing is waited for in vain");
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_clients_hear_goaway_and_streams_end() {
    let Running { server, address, teller } = Running::start(entry_point("web"));
    let entry = server.entries()[0].clone();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = |path: &str| Request::get(format!("http://a{path}")).body(Empty::<Bytes>::new()).unwrap();
    let response = tokio::spawn(sender.send_request(request("/wait")));
    teller.waiting.acquire().await.unwrap().forget();
    let drained = tokio::spawn(server.drain());
    closing(&entry).await;
    teller.permits.add_permits(1);
    assert_eq!(response.await.unwrap().unwrap().status(), 200);
    connection.await.unwrap().unwrap();
    assert!(sender.send_request(request("/")).await.is_err());
    drained.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlasts_the_grace_is_cut_off() {
    let mut point = entry_point("web");
    point.transport.grace = Duration::from_millis(100);
    let Running { server, address, teller } = Running::start(point);
    let mut busy = TcpStream::connect(address).unwrap();
    busy.write_all(WAIT).unwrap();
    teller.waiting.acquire().await.unwrap().forget();
    let mut upgraded = TcpStream::connect(address).unwrap();
    upgraded.write_all(b"GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").unwrap();
    read_response(&mut upgraded);
    let started = Instant::now();
    server.drain().await;
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!(read_to_end(&mut busy), "");
    assert_eq!(upgraded.read(&mut [0]).unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_while_new_requests_are_still_accepted() {
    let mut point = entry_point("web");
    point.transport.request_accept_grace = Duration::from_millis(300);
    let running = Running::start(point);
    let address = running.address;
    let drained = tokio::spawn(running.server.drain());
    tokio::task::yield_now().await;
    let mut late = TcpStream::connect(address).unwrap();
    late.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(read_to_end(&mut late).starts_with("HTTP/1.1 200 "));
    drained.await.unwrap();
}

/// Busy clients: each request gets its response, and the last one says that it was the last.
#[test]
fn under_load_no_request_fails() {
    let Running { server, address, teller } = Running::start(entry_point("web"));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            std::thread::spawn(move || {
                for count in 1.. {
                    stream.write_all(GET).unwrap();
                    let response = read_response(&mut stream);
                    assert!(response.starts_with("HTTP/1.1 200 "), "{response:?} after {count}");
                    if response.contains("\r\nConnection: close\r\n") {
                        assert_eq!(read_to_end(&mut stream), "");
                        return count;
                    }
                }
                0
            })
        })
        .collect();
    while teller.handled.load(std::sync::atomic::Ordering::SeqCst) < 200 {
        std::thread::yield_now();
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(server.drain());
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(answered, teller.handled.load(std::sync::atomic::Ordering::SeqCst));
}
