#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::Chain;
use crate::testing::{NoFetch, chain, compile, exchange, header, ok, run, run_for_user, text, with};

/// `ann` of the realm `house`, with the password `open sesame`; `bob` of another realm.
fn spec(more: &str) -> String {
    let ann = digest(&["ann", "house", "open sesame"]);
    format!(r#"{{"digestAuth": {{"realm": "house", "users": ["ann:house:{ann}", "bob:shed:{ann}"]{more}}}}}"#)
}

/// A client that has been asked.
#[derive(Clone)]
struct Client {
    user: &'static str,
    password: &'static str,
    nonce: String,
    opaque: String,
}

/// The parameters of a challenge.
fn parameter(challenge: &str, name: &str) -> String {
    let start = challenge.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
    challenge[start..].split('"').next().unwrap().to_owned()
}

impl Client {
    async fn asked(chain: &Chain) -> Self {
        let response = run(chain, &mut exchange("GET", "/a?b=c"), ok).await;
        let challenge = header(response.headers(), "www-authenticate").to_owned();
        assert!(challenge.starts_with("Digest realm=\"house\", nonce=\""), "{challenge}");
        assert!(challenge.ends_with("algorithm=\"MD5\", qop=\"auth\""), "{challenge}");
        let (nonce, opaque) = (parameter(&challenge, "nonce"), parameter(&challenge, "opaque"));
        Self { user: "ann", password: "open sesame", nonce, opaque }
    }

    fn authorization(&self, method: &str, uri: &str, count: u64, more: &str) -> String {
        let count = format!("{count:08x}");
        let secret = digest(&[self.user, "house", self.password]);
        let response = digest(&[&secret, &self.nonce, &count, "xyz", "auth", &digest(&[method, uri])]);
        format!(
            "Digest username=\"{}\", realm=\"house\", nonce=\"{}\", uri=\"{uri}\", nc={count}, cnonce=\"xyz\", qop=auth, \
             response=\"{response}\", opaque=\"{}\"{more}",
            self.user, self.nonce, self.opaque
        )
    }
}

/// The status of a GET of `/a?b=c` with these credentials, and its challenge.
async fn answer(chain: &Chain, authorization: &str) -> (u16, String) {
    let response = run(chain, &mut with(exchange("GET", "/a?b=c"), &[("authorization", authorization)]), ok).await;
    (response.status().as_u16(), header(response.headers(), "www-authenticate").to_owned())
}

#[tokio::test]
async fn a_client_without_credentials_is_asked() {
    let response = run(&chain(&[&spec("")]), &mut exchange("GET", "/"), ok).await;
    assert_eq!(response.status(), 401);
    assert_eq!(header(response.headers(), "content-type"), "text/plain");
    assert_eq!(text(response).await, "401 Unauthorized\n");
    let one = Client::asked(&chain(&[&spec("")])).await;
    let two = Client::asked(&chain(&[&spec("")])).await;
    assert!(one.nonce != two.nonce && one.opaque != two.opaque);
}

#[tokio::test]
async fn the_right_digest_passes_and_counts_grow() {
    let chain = chain(&[&spec("")]);
    let client = Client::asked(&chain).await;
    assert_eq!(answer(&chain, &client.authorization("GET", "/a?b=c", 1, "")).await.0, 200);
    assert_eq!(answer(&chain, &client.authorization("GET", "/a", 2, ", algorithm=MD5")).await.0, 200, "no query");
    let (status, challenge) = answer(&chain, &client.authorization("GET", "/a?b=c", 2, "")).await;
    assert!(status == 401 && challenge.ends_with(", stale=true"), "sent again: {challenge}");
    assert_eq!(answer(&chain, &client.authorization("GET", "/a?b=c", 16, "")).await.0, 200);
}

#[tokio::test]
async fn wrong_digests_are_refused() {
    let chain = chain(&[&spec("")]);
    let client = Client::asked(&chain).await;
    let right = client.authorization("GET", "/a?b=c", 1, "");
    let wrong = [
        Client { password: "closed", ..client.clone() }.authorization("GET", "/a?b=c", 1, ""),
        Client { user: "bob", ..client.clone() }.authorization("GET", "/a?b=c", 1, ""),
        Client { user: "eve", ..client.clone() }.authorization("GET", "/a?b=c", 1, ""),
        client.authorization("POST", "/a?b=c", 1, ""),
        client.authorization("GET", "/", 1, ""),
        client.authorization("GET", "/a?b=c", 1, ", algorithm=SHA-256"),
        right.replace("qop=auth", "qop=auth-int"),
        right.replace("nc=00000001", "nc=x"),
        right.replace("Digest", "Basic"),
        right.replace("response=\"", "response=\"0"),
        "Digest".to_owned(),
        "Digest username=\"ann\"".to_owned(),
    ];
    for authorization in wrong {
        let (status, challenge) = answer(&chain, &authorization).await;
        assert!(status == 401 && !challenge.contains("stale"), "{authorization}: {challenge}");
    }
    // Whoever knows no password must not get in as a user that does not exist, whose hash would be empty.
    let response = digest(&["", &client.nonce, "00000001", "xyz", "auth", &digest(&["GET", "/a?b=c"])]);
    let start = right.find("response=\"").unwrap();
    let forged = format!("{}response=\"{response}\", opaque=\"{}\"", &right[..start], client.opaque);
    assert_eq!(answer(&chain, &forged.replace("\"ann\"", "\"eve\"")).await.0, 401);
    assert_eq!(answer(&chain, &right).await.0, 200, "none of these used the count up");
}

#[tokio::test]
async fn a_nonce_of_another_process_is_stale() {
    let (here, there) = (chain(&[&spec("")]), chain(&[&spec("")]));
    let client = Client::asked(&there).await;
    let (status, challenge) = answer(&here, &client.authorization("GET", "/a?b=c", 1, "")).await;
    assert!(status == 401 && challenge.ends_with(", stale=true"), "{challenge}");
    let (nonce, opaque) = (parameter(&challenge, "nonce"), parameter(&challenge, "opaque"));
    let client = Client { nonce, opaque, ..client };
    assert_eq!(answer(&here, &client.authorization("GET", "/a?b=c", 1, "")).await.0, 200);
}

#[tokio::test]
async fn the_backend_and_the_log_get_the_user() {
    let chain = chain(&[&spec(r#", "headerField": "X-User", "removeHeader": true"#)]);
    let client = Client::asked(&chain).await;
    let mut request =
        with(exchange("GET", "/x"), &[("authorization", &client.authorization("GET", "/x", 1, "")), ("x-user", "eve")]);
    let (response, user) = run_for_user(&chain, &mut request, &NoFetch, ok).await;
    assert_eq!((response.status().as_u16(), user.as_deref()), (200, Some("ann")));
    assert_eq!(header(&request.head.headers, "x-user"), "ann");
    assert!(!request.head.headers.contains_key("authorization"));
    let wrong = Client { password: "closed", ..client }.authorization("GET", "/x", 2, "");
    let (_, user) =
        run_for_user(&chain, &mut with(exchange("GET", "/x"), &[("authorization", &wrong)]), &NoFetch, ok).await;
    assert_eq!(user.as_deref(), Some("ann"), "who it claims to be");
}

#[test]
fn what_is_wrong_is_refused() {
    for wrong in [
        r#"{}"#,
        r#"{"users": ["ann:hash"]}"#,
        r#"{"users": ["ann:realm:hash:more"]}"#,
        r#"{"users": [":realm:hash"]}"#,
        r#"{"users": ["a:b:c"], "headerField": "not a name"}"#,
        r#"{"users": ["a:b:c"], "realm": "a\nb"}"#,
    ] {
        assert!(compile(&format!(r#"{{"digestAuth": {wrong}}}"#)).is_err(), "{wrong}");
    }
}
