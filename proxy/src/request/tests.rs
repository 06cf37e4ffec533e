#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use flow_middleware::Connection;
use flow_model::entry_point::*;
use http::Request;
use std::net::SocketAddr;

fn entry_point() -> EntryPoint {
    EntryPoint::new("web", SocketAddr::from(([0, 0, 0, 0], 80)))
}

fn connection(remote: &str) -> Connection {
    Connection::new(remote.parse().unwrap(), SocketAddr::from(([127, 0, 0, 1], 80)), None, "web".into())
}

fn head(target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn run(point: &EntryPoint, mut head: Parts) -> Result<Parts, AdmitError> {
    let policy = Policy::new(point, "here");
    let origin = policy.origin(&connection("192.0.2.7:4711"));
    admit(&policy, &origin, &mut head).map(|()| head)
}

fn target(point: &EntryPoint, target: &str) -> Result<String, AdmitError> {
    run(point, head(target, &[])).map(|head| head.uri.to_string())
}

fn header<'a>(head: &'a Parts, name: &str) -> Vec<&'a str> {
    head.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn paths_come_out_in_one_form() {
    let point = entry_point();
    for (given, wanted) in [
        ("/", "/"),
        ("/x/.hidden", "/x/.hidden"),
        ("/x/...", "/x/..."),
        ("/x/../../../etc", "/etc"),
        ("/x/y/../", "/x/"),
        ("/x/y/.", "/x/y"),
        ("/./", "/"),
        ("///", "/"),
        ("//host/x", "/host/x"),
        ("/%7euser/%2E%2e/z", "/z"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/x%2f..%2fy", "/x%2F..%2Fy"),
        ("/x|y{z}", "/x%7Cy%7Bz%7D"),
        ("/x?", "/x?"),
        ("/x//y?z=//..", "/x/y?z=//.."),
        ("/x?y;z;", "/x?y&z&"),
        ("/x?%zz", "/x?%zz"),
    ] {
        assert_eq!(target(&point, given).as_deref(), Ok(wanted), "{given}");
    }
}

#[test]
fn broken_escapes_are_refused() {
    for given in ["/%", "/%4", "/%zz", "/a%2"] {
        assert_eq!(target(&entry_point(), given), Err(AdmitError::Escape), "{given}");
    }
    assert_eq!(AdmitError::Escape.status(), 400);
}

#[test]
fn sanitizing_can_be_switched_off_but_not_normalizing() {
    let mut point = entry_point();
    point.http.sanitize_path = false;
    assert_eq!(target(&point, "/x//../%41%2f").as_deref(), Ok("/x//../A%2F"));
}

#[test]
fn semicolons_can_be_encoded() {
    let mut point = entry_point();
    point.http.encode_query_semicolons = true;
    assert_eq!(target(&point, "/x;y?a;b").as_deref(), Ok("/x;y?a%3Bb"));
}

#[test]
fn denied_characters_are_refused_however_they_are_written() {
    let mut point = entry_point();
    point.http.encoded_characters = Some(EncodedCharacters { slash: false, ..EncodedCharacters::default() });
    assert_eq!(target(&point, "/x%2fy"), Err(AdmitError::EncodedCharacter));
    assert_eq!(target(&point, "/x%2Fy"), Err(AdmitError::EncodedCharacter));
    assert_eq!(target(&point, "/x%5cy").as_deref(), Ok("/x%5Cy"));
    assert_eq!(target(&point, "/x%252F?q=%2F").as_deref(), Ok("/x%252F?q=%2F"));
}

#[test]
fn strangers_cannot_set_forwarded_headers() {
    let given = head(
        "/",
        &[
            ("host", "a.test:8443"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x_forwarded_proto", "https"),
            ("x-forwarded_tls-client-cert", "c"),
            ("x-real-ip", "1.1.1.1"),
            ("x-forwarded-other", "stays"),
        ],
    );
    let head = run(&entry_point(), given).unwrap();
    assert!(header(&head, "x-forwarded-for").is_empty());
    assert!(header(&head, "x_forwarded_proto").is_empty());
    assert!(header(&head, "x-forwarded_tls-client-cert").is_empty());
    assert_eq!(header(&head, "x-real-ip"), ["192.0.2.7"]);
    assert_eq!(header(&head, "x-forwarded-proto"), ["http"]);
    assert_eq!(header(&head, "x-forwarded-port"), ["8443"]);
    assert_eq!(header(&head, "x-forwarded-host"), ["a.test:8443"]);
    assert_eq!(header(&head, "x-forwarded-server"), ["here"]);
    assert_eq!(header(&head, "x-forwarded-other"), ["stays"]);
}

#[test]
fn the_scheme_is_told_in_two_more_headers_where_it_is_wanted() {
    let given = || head("/", &[("host", "a.test"), ("x-scheme", "https"), ("x_forwarded_scheme", "https")]);
    let plain = run(&entry_point(), given()).unwrap();
    assert_eq!((header(&plain, "x-scheme"), header(&plain, "x-forwarded-scheme")), (vec!["https"], vec![]));
    let mut point = entry_point();
    point.forwarded_headers.add_x_forwarded_scheme_headers = true;
    let told = run(&point, given()).unwrap();
    assert_eq!((header(&told, "x-scheme"), header(&told, "x-forwarded-scheme")), (vec!["http"], vec!["http"]));
    assert!(header(&told, "x_forwarded_scheme").is_empty());
    point.forwarded_headers.insecure = true;
    let trusted = head("/", &[("host", "a.test"), ("x-forwarded-proto", "https"), ("x-scheme", "wss")]);
    let trusted = run(&point, trusted).unwrap();
    assert_eq!((header(&trusted, "x-scheme"), header(&trusted, "x-forwarded-scheme")), (vec!["wss"], vec!["https"]));
}

#[test]
fn trusted_proxies_are_believed() {
    let mut point = entry_point();
    point.forwarded_headers.trusted = vec!["192.0.2.0/24".parse().unwrap()];
    let given = head(
        "/",
        &[("host", "a.test"), ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("x-real-ip", "")],
    );
    let head = run(&point, given).unwrap();
    assert_eq!(header(&head, "x-forwarded-for"), ["1.1.1.1"]);
    assert_eq!(header(&head, "x-forwarded-proto"), ["https"]);
    assert_eq!(header(&head, "x-forwarded-port"), ["443"]);
    assert_eq!(header(&head, "x-real-ip"), ["192.0.2.7"]);
}

#[test]
fn forwarded_for_in_several_lines_is_one_list() {
    let mut point = entry_point();
    point.forwarded_headers.trusted = vec!["192.0.2.0/24".parse().unwrap()];
    let given = head("/", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1, 2.2.2.2")]);
    assert_eq!(header(&run(&point, given).unwrap(), "x-forwarded-for"), ["6.6.6.6, 1.1.1.1, 2.2.2.2"]);
}

#[test]
fn crumbs_of_a_cookie_are_joined_on_http2() {
    for (version, wanted) in [(Version::HTTP_2, &["a=1; b=2"][..]), (Version::HTTP_11, &["a=1", "b=2"])] {
        let mut given = head("/", &[("cookie", "a=1"), ("cookie", "b=2")]);
        given.version = version;
        assert_eq!(header(&run(&entry_point(), given).unwrap(), "cookie"), wanted);
    }
}

#[test]
fn a_connection_header_cannot_take_the_host_or_the_length_away() {
    let given = head("/", &[("connection", "host, Content-Length"), ("host", "a.test"), ("content-length", "3")]);
    let head = run(&entry_point(), given).unwrap();
    assert_eq!(header(&head, "host"), ["a.test"]);
    assert_eq!(header(&head, "content-length"), ["3"]);
    assert!(header(&head, "connection").is_empty());
}

#[test]
fn an_ipv4_client_of_a_dual_stack_socket_is_an_ipv4_client() {
    let mut point = entry_point();
    point.forwarded_headers.trusted = vec!["192.0.2.0/24".parse().unwrap()];
    let policy = Policy::new(&point, "");
    let origin = policy.origin(&connection("[::ffff:192.0.2.9]:1"));
    assert!(origin.trusted);
    assert_eq!(origin.address, "192.0.2.9");
    assert!(!policy.origin(&connection("[2001:db8::1]:1")).trusted);
}

#[test]
fn the_port_of_an_ipv6_host_is_not_its_last_group() {
    for (host, port) in [("[::1]:81", "81"), ("[::1]", "80"), ("::1", "80"), ("a:", "80"), ("a:b", "80")] {
        let head = run(&entry_point(), head("/", &[("host", host)])).unwrap();
        assert_eq!(header(&head, "x-forwarded-port"), [port], "{host}");
    }
}

#[test]
fn headers_that_could_be_taken_for_others_are_deleted_or_refused_where_asked() {
    const ALIASES: [&str; 4] = ["x_own", "x.own", "x!own", "x~own"];
    let mut point = entry_point();
    let given = |aliases: &[&'static str]| {
        let aliases = aliases.iter().map(|name| (*name, "1"));
        head("/", &aliases.chain([("x-own", "2"), ("x-own9", "3")]).collect::<Vec<_>>())
    };
    for (only_underscores, meant) in [(false, &ALIASES[..]), (true, &ALIASES[..1])] {
        point.http.alias_headers = AliasHeaders { strategy: AliasStrategy::Keep, only_underscores };
        let kept = run(&point, given(&ALIASES)).unwrap();
        assert!(ALIASES.iter().all(|name| header(&kept, name) == ["1"]));
        point.http.alias_headers.strategy = AliasStrategy::Delete;
        let left = run(&point, given(&ALIASES)).unwrap();
        for name in ALIASES {
            assert_eq!(header(&left, name).is_empty(), meant.contains(&name), "{name}");
        }
        assert_eq!((header(&left, "x-own"), header(&left, "x-own9")), (vec!["2"], vec!["3"]));
        point.http.alias_headers.strategy = AliasStrategy::Reject;
        for name in ALIASES {
            let refused = run(&point, given(&[name])).err();
            assert_eq!(refused, meant.contains(&name).then_some(AdmitError::Alias), "{name}");
        }
        assert!(run(&point, given(&[])).is_ok());
    }
}

#[test]
fn headers_named_by_connection_go_but_not_ours() {
    let given = head(
        "/",
        &[
            ("connection", "close, X-Gone, x-real-ip"),
            ("connection", "other"),
            ("x-gone", "1"),
            ("other", "2"),
            ("x-stays", "3"),
        ],
    );
    let head = run(&entry_point(), given).unwrap();
    for gone in ["connection", "x-gone", "other"] {
        assert!(header(&head, gone).is_empty(), "{gone}");
    }
    assert_eq!(header(&head, "x-stays"), ["3"]);
    assert_eq!(header(&head, "x-real-ip"), ["192.0.2.7"]);
}

#[test]
fn an_upgrade_and_what_the_entry_point_keeps_stay() {
    let mut point = entry_point();
    point.forwarded_headers.connection = vec!["X-Kept".into()];
    let given = head("/", &[("connection", "x-kept, upgrade"), ("upgrade", "WebSocket"), ("x-kept", "1")]);
    let head = run(&point, given).unwrap();
    assert_eq!(header(&head, "connection"), ["x-kept,Upgrade"]);
    assert_eq!(header(&head, "upgrade"), ["WebSocket"]);
    assert_eq!(header(&head, "x-kept"), ["1"]);
    assert_eq!(header(&head, "x-forwarded-proto"), ["ws"]);
}

#[test]
fn a_clean_head_keeps_its_very_uri() {
    let given = head("/x/y?z=1", &[("host", "a.test")]);
    let before = given.uri.path().as_ptr();
    let after = run(&entry_point(), given).unwrap();
    assert_eq!(after.uri.path().as_ptr(), before);
}

#[test]
fn an_upgrade_to_another_http_is_no_upgrade() {
    for lines in [
        &["h2c"][..],
        &["H2C"],
        &["websocket, h2c"],
        &["h2c ,websocket"],
        &["websocket", "\th2c"],
        &["h2"],
        &["HTTP/2.0"],
        &["TLS/1.0, HTTP/1.1"],
    ] {
        for connection in ["Upgrade, HTTP2-Settings", "upgrade", "keep-alive", ""] {
            let mut given =
                vec![("host", "a.test"), ("http2-settings", "AAMAAABkAAQAAP__"), ("connection", connection)];
            given.extend(lines.iter().map(|line| ("upgrade", *line)));
            let mut point = entry_point();
            point.forwarded_headers.connection = vec!["http2-settings".into()];
            let head = run(&point, head("/", &given)).unwrap();
            for gone in ["upgrade", "http2-settings"] {
                assert!(header(&head, gone).is_empty(), "{gone} of {lines:?}, {connection:?}");
            }
            let connection = header(&head, "connection").join(",").to_ascii_lowercase();
            assert!(!connection.contains("upgrade"), "{connection}");
            assert_eq!(header(&head, "x-forwarded-proto"), ["http"]);
        }
    }
}

#[test]
fn http2_settings_end_here_without_an_upgrade_too() {
    let given = head("/", &[("http2-settings", "AAMAAABkAAQAAP__"), ("connection", "upgrade"), ("upgrade", "x-h2c")]);
    let head = run(&entry_point(), given).unwrap();
    assert!(header(&head, "http2-settings").is_empty());
    assert_eq!(header(&head, "upgrade"), ["x-h2c"]);
    assert_eq!(header(&head, "connection"), ["Upgrade"]);
}
