//! All mistakes are reported at once, each with its place and the way out.

use super::{mistakes, started};

#[test]
fn all_are_told_at_once() {
    let told = started(&["--entrypoint.web.address=:80", "--log.level=loud", "--ping.entrypoint=nowhere", "-x"]);
    assert_eq!(
        told.unwrap_err().to_string(),
        "4 mistakes in the configuration:
  flag --entrypoint.web.address: no such option: entrypoint; did you mean --entryPoints?
  flag -x: no such option: x (--help lists all)
  flag --log.level: takes one of debug, disabled, error, fatal, info, panic, trace, warn, not \"loud\"
  ping.entryPoint: there is no entry point \"nowhere\"; there are: http"
    );
}

#[test]
fn the_nearest_option_is_named() {
    for (flag, nearest) in [
        ("--providers.kubernetesingres", "--providers.kubernetesIngress?"),
        ("--entrypoints.web.adress=:1", "--entrypoints.web.address?"),
        ("--metrics.promtheus.buckets=1", "--metrics.prometheus?"),
        ("--insecureskipverify", "--serversTransport.insecureSkipVerify?"),
        (
            "--certificatesresolvers.le.acme.httpchalenge.entrypoint=web",
            "--certificatesresolvers.le.acme.httpChallenge?",
        ),
        ("--accesslog.fields.header.defaultmode=keep", "--accesslog.fields.headers?"),
    ] {
        let found = mistakes(&[flag]);
        assert!(found.iter().any(|mistake| mistake.ends_with(&format!("did you mean {nearest}"))), "{flag}: {found:?}");
    }
    assert_eq!(mistakes(&["--zzzzzzzz=1"]), ["flag --zzzzzzzz: no such option: zzzzzzzz (--help lists all)"]);
}

#[test]
fn badly_written_flags_are_arguments() {
    for argument in ["--", "-", "---ping", "--=x", "--a..b=c", "--entrypoints.=x", "--a[0=b"] {
        let found = mistakes(&["--ping", argument]);
        let shown = argument.split('=').next().unwrap();
        assert_eq!(found, [format!("unexpected argument {shown:?}: options are written --name=value")], "{argument}");
    }
}

#[test]
fn what_a_group_needs_is_named() {
    for (flag, missing) in [
        ("--entrypoints.web.asdefault", "entrypoints.web.address"),
        ("--entrypoints.web", "entrypoints.web.address"),
        ("--providers.manifests", "providers.manifests.directory"),
        ("--certificatesresolvers.a.acme.eab.kid=x", "certificatesresolvers.a.acme.eab.hmacEncoded"),
    ] {
        let found = mistakes(&[flag]);
        assert!(
            found.contains(&format!("flag {flag}: {missing} is missing", flag = flag.split('=').next().unwrap())),
            "{found:?}"
        );
    }
    let found = mistakes(&["--entrypoints.a.address=:1", "--entrypoints.a.http.redirections.entrypoint.scheme=http"]);
    assert!(found[0].ends_with("entrypoints.a.http.redirections.entrypoint.to is missing"), "{found:?}");
}

#[test]
fn values_of_flags_are_not_repeated_where_they_may_be_secret() {
    let found =
        mistakes(&["--certificatesresolvers.a.acme.eab.hmac=s3cret", "--hub.token=t0ken", "--nope=n0pe"]).join("\n");
    assert!(found.contains("hmacEncoded") && !found.contains("s3cret") && !found.contains("n0pe"), "{found}");
}
