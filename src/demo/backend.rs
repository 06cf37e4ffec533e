//! A backend whose responses repeat the request as text; that of `/big` is long enough to be compressed.

use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

/// Starts a backend on the current runtime and returns its port.
pub(super) async fn start(name: &'static str) -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request| {
                    std::future::ready(Ok::<_, Infallible>(response(name, &request)))
                });
                // Clients may break off: that is no error here.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(port)
}

fn response(name: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let mut text = format!("backend {name}\n{} {} {:?}\n", request.method(), request.uri(), request.version());
    for (header, value) in request.headers() {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{header}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    if request.uri().path() == "/big" {
        text.push_str(&"A long answer compresses well. ".repeat(2000));
    }
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
