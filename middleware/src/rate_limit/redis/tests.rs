#![allow(clippy::unwrap_used, reason = "tests")]
use super::{script, unanswered};
use crate::chain::Chain;
use crate::testing::{compile, exchange, ok, run, with};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// The behaviour of a server.
#[derive(Clone, Copy)]
enum Server {
    /// Answers each script with this text.
    Tells(&'static str),
    /// Answers anything with these bytes.
    Speaks(&'static str),
    /// Takes questions, and says nothing to scripts.
    Silent,
}

/// Starts a server; its address.
async fn start(server: Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                while let Some(words) = command(&mut stream).await {
                    let answer = match (server, words[0].to_ascii_uppercase().as_str()) {
                        (Server::Speaks(bytes), _) => bytes.to_owned(),
                        (Server::Silent, "EVALSHA") => continue,
                        (Server::Tells(text), "EVALSHA") => format!("${}\r\n{text}\r\n", text.len()),
                        (_, "PING") => "+PONG\r\n".to_owned(),
                        _ => "+OK\r\n".to_owned(),
                    };
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// The words of the next command.
async fn command(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<Vec<String>> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = Vec::new();
    for _ in 0..line.trim().strip_prefix('*')?.parse::<usize>().ok()? {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let mut word = vec![0; line.trim().strip_prefix('$')?.parse::<usize>().ok()? + 2];
        stream.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
    }
    Some(words)
}

fn limit(endpoints: &[&str], more: &str) -> Chain {
    let endpoints = serde_json::to_string(endpoints).unwrap();
    let spec = format!(
        r#"{{"rateLimit": {{"average": 1, "period": "1h", "burst": 2,
            "redis": {{"endpoints": {endpoints}, "readTimeout": "200ms", "dialTimeout": "200ms"{more}}}}}}}"#
    );
    Chain::new([Arc::new(compile(&spec).unwrap())])
}

async fn status(chain: &Chain) -> u16 {
    run(chain, &mut exchange("GET", "/"), ok).await.status().as_u16()
}

/// Asks until the status is this one.
async fn becomes(chain: &Chain, wanted: u16) {
    let asked = async {
        while status(chain).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap();
}

#[tokio::test]
async fn the_server_decides() {
    let refuses = start(Server::Tells("3600000000")).await;
    let chain = limit(&[&refuses], "");
    becomes(&chain, 429).await;
    let response = run(&chain, &mut exchange("GET", "/"), ok).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"3600".parse().unwrap()));

    let passes = start(Server::Tells("0")).await;
    let chain = limit(&[&passes], r#", "denyOnError": true, "poolSize": 3"#);
    becomes(&chain, 200).await;
    for _ in 0..10 {
        assert_eq!(status(&chain).await, 200, "this replica alone would let two pass");
    }
}

#[tokio::test]
async fn the_first_server_that_answers_is_asked() {
    let refuses = start(Server::Tells("3600000000")).await;
    becomes(&limit(&["127.0.0.1:1", &refuses], ""), 429).await;
}

#[tokio::test]
async fn without_an_answer_each_replica_counts_for_itself() {
    let silent = start(Server::Silent).await;
    let nonsense = start(Server::Speaks("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let no_number = start(Server::Tells("soon")).await;
    let endless = start(Server::Tells("1e999")).await;
    let negative = start(Server::Tells("-1")).await;
    for address in ["127.0.0.1:1", &silent, &nonsense, &no_number, &endless, &negative] {
        let before = unanswered();
        let chain = limit(&[address], "");
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(status(&chain).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(statuses, [200, 200, 429, 429], "{address}");
        assert!(unanswered() >= before + 4);
    }
    becomes(&limit(&["127.0.0.1:1"], r#", "denyOnError": true"#), 500).await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let chain = limit(&[&address], r#", "denyOnError": true"#);
    assert_eq!(status(&chain).await, 500);
    let listener = TcpListener::bind(&address).await.unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        while let Some(words) = command(&mut stream).await {
            let answer = if words[0] == "EVALSHA" { "$1\r\n0\r\n" } else { "+OK\r\n" };
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    becomes(&chain, 200).await;
}

#[tokio::test]
async fn limits_without_redis_never_ask() {
    let before = unanswered();
    let chain = Chain::new([Arc::new(compile(r#"{"rateLimit": {"redis": {"endpoints": ["127.0.0.1:1"]}}}"#).unwrap())]);
    let mut request = with(exchange("GET", "/"), &[]);
    assert_eq!(run(&chain, &mut request, ok).await.status(), 200, "no average, no limit");
    assert!(unanswered() >= before);
}

#[test]
fn waits_are_numbers_of_microseconds() {
    assert_eq!(script::wait("0"), Some(Duration::ZERO));
    assert_eq!(script::wait("1500000.5"), Some(Duration::from_nanos(1_500_000_500)));
    for wrong in ["", "x", "-1", "nan", "inf", "1e300"] {
        assert_eq!(script::wait(wrong), None, "{wrong}");
    }
}

#[test]
fn what_is_no_way_to_a_server_is_refused() {
    for wrong in [
        r#"{"endpoints": ["a b:1"]}"#,
        r#"{"endpoints": ["r:port"]}"#,
        r#"{"endpoints": ["r:1"], "tls": {"cert": "x", "key": "y"}}"#,
    ] {
        assert!(compile(&format!(r#"{{"rateLimit": {{"average": 1, "redis": {wrong}}}}}"#)).is_err(), "{wrong}");
    }
}
