//! Completion and validation of settings as a whole.

use super::{flags, mistakes, run_told, started, warnings};

fn names(arguments: &[&str]) -> Vec<(String, String)> {
    let entry_points = flags(arguments).entry_points;
    entry_points.into_iter().map(|(name, entry_point)| (name, entry_point.address.to_string())).collect()
}

#[test]
fn entry_points_that_nobody_wrote() {
    for (arguments, expected) in [
        (&[][..], &[("http", ":80")][..]),
        (&["--entrypoints.web.address=:81"], &[("web", ":81")]),
        (&["--ping"], &[("http", ":80"), ("traefik", ":8080")]),
        (&["--api"], &[("http", ":80")]),
        (&["--api.insecure"], &[("http", ":80"), ("traefik", ":8080")]),
        (&["--metrics.prometheus"], &[("http", ":80"), ("traefik", ":8080")]),
        (&["--metrics.prometheus.manualrouting", "--ping.manualrouting"], &[("http", ":80")]),
        (&["--ping", "--entrypoints.traefik.address=:9000"], &[("traefik", ":9000")]),
        (&["--ping.entrypoint=web", "--entrypoints.web.address=:81"], &[("web", ":81")]),
    ] {
        let expected: Vec<_> =
            expected.iter().map(|(name, address)| ((*name).to_owned(), (*address).to_owned())).collect();
        assert_eq!(names(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn nothing_is_invented_as_provider() {
    let providers = flags(&[]).providers;
    assert!(providers.kubernetes_ingress.is_none() && providers.kubernetes_crd.is_none());
    assert!(providers.manifests.is_none() && providers.file.is_none());
}

#[test]
fn addresses_are_given_once() {
    for (first, second, clash) in [
        (":80", ":80", true),
        (":80", "127.0.0.1:80", true),
        ("[::]:80", "10.0.0.1:80", true),
        ("127.0.0.1:80", "10.0.0.1:80", false),
        (":80", ":81", false),
        (":80", ":80/udp", false),
        (":0", ":0", false),
    ] {
        let arguments = [format!("--entrypoints.a.address={first}"), format!("--entrypoints.b.address={second}")];
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        if clash {
            let found = mistakes(&arguments);
            let expected = format!(
                "entryPoints.b.address: {second} is already taken by entry point a ({first}); give each its own port"
            );
            assert_eq!(found, [expected]);
        } else {
            assert_eq!(names(&arguments).len(), 2, "{arguments:?}");
        }
    }
}

#[test]
fn entry_points_that_are_named_must_exist() {
    let web = "--entrypoints.web.address=:80";
    for (arguments, option) in [
        (vec![web, "--ping.entrypoint=x"], "ping.entryPoint"),
        (vec![web, "--metrics.prometheus.entrypoint=x"], "metrics.prometheus.entryPoint"),
        (
            vec![web, "--entrypoints.web.http.redirections.entrypoint.to=x"],
            "entryPoints.web.http.redirections.entryPoint.to",
        ),
        (
            vec![web, "--certificatesresolvers.r.acme.httpchallenge.entrypoint=x"],
            "certificatesResolvers.r.acme.httpChallenge.entryPoint",
        ),
    ] {
        assert_eq!(mistakes(&arguments), [format!("{option}: there is no entry point \"x\"; there are: web")]);
    }
    let found = mistakes(&[web, "--entrypoints.web.http.redirections.entrypoint.to=web"]);
    assert!(found[0].contains("redirect to itself"), "{found:?}");
    let found = mistakes(&[web, "--entrypoints.u.address=:53/udp", "--ping.entrypoint=u"]);
    assert!(found[0].contains("is for UDP"), "{found:?}");
    assert_eq!(
        warnings(&[web, "--entrypoints.u.address=:53/udp"]),
        ["entry point u (:53/udp) is for UDP, which is not served yet: nothing listens there"]
    );
}

#[test]
fn combinations_that_do_not_fit() {
    for (arguments, expected) in [
        (&["--providers.file.watch"][..], "providers.file: give directory or filename"),
        (
            &["--providers.file.directory=a", "--providers.file.filename=b"],
            "providers.file: give either directory or filename, not both",
        ),
        (
            &["--providers.manifests.directory="],
            "flag --providers.manifests.directory: takes a path, not an empty text",
        ),
        (
            &["--providers.kubernetesingress.ingressendpoint.publishedservice=traefik"],
            "providers.kubernetesIngress.ingressEndpoint.publishedService: takes namespace/name, not \"traefik\"",
        ),
        (
            &["--providers.manifests.directory=a", "--providers.kubernetescrd"],
            "providers.manifests: stands in for a cluster: give it or the kubernetes providers, not both",
        ),
        (
            &["--certificatesresolvers.r.acme.dnschallenge.provider=cloudflare"],
            "certificatesResolvers.r.acme: proves names in no way: give httpChallenge or tlsChallenge (dnsChallenge is \
             not served)",
        ),
        (&["--metrics.prometheus.buckets=1,0.5"], "metrics.prometheus.buckets: must be in ascending order, each once"),
        (&["--api.basepath=admin"], "api.basePath: must begin with /, unlike \"admin\""),
        (&["--ping.terminatingstatuscode=42"], "ping.terminatingStatusCode: takes a status from 100 to 599"),
        (
            &["--certificatesresolvers.r.acme.tlschallenge", "--certificatesresolvers.r.acme.storage="],
            "flag --certificatesresolvers.r.acme.storage: takes a path, not an empty text",
        ),
        (
            &["--certificatesresolvers.r.acme.tlschallenge", "--certificatesresolvers.r.acme.caserver=letsencrypt"],
            "certificatesResolvers.r.acme.caServer: takes the URL of a directory, not \"letsencrypt\"",
        ),
    ] {
        assert_eq!(mistakes(arguments), [expected], "{arguments:?}");
    }
}

#[test]
fn what_has_no_effect_beside_others_is_told() {
    for (arguments, expected) in [
        (
            &["--providers.kubernetesingress=false", "--providers.kubernetesingress.ingressclass=x"][..],
            "providers.kubernetesingress is off, so that what is below it has no effect (flag \
             --providers.kubernetesingress.ingressclass)",
        ),
        (
            &["--entrypoints.a.address=:1", "--entrypoints.a.reuseport"],
            "entrypoints.a.reuseport is not served yet and has no effect (flag --entrypoints.a.reuseport): leave it \
             out; docs/compatibility.md says what entry points do",
        ),
    ] {
        assert_eq!(warnings(arguments), [expected], "{arguments:?}");
    }
    assert!(warnings(&["--providers.kubernetescrd=false", "--accesslog=false"]).is_empty());
}

#[test]
fn a_resolver_nobody_defined_is_worth_a_warning() {
    let tls = ["--entrypoints.a.address=:1", "--entrypoints.a.http.tls.certresolver=le"];
    assert_eq!(
        warnings(&tls),
        ["entryPoints.a.http.tls.certResolver names \"le\", which certificatesResolvers does not define"]
    );
    assert!(warnings(&[tls[0], tls[1], "--certificatesresolvers.le.acme.tlschallenge"]).is_empty());
}

#[test]
fn no_limit_of_header_bytes_is_the_default() {
    let settings = flags(&["--entrypoints.a.address=:1", "--entrypoints.a.http.maxheaderbytes=0"]);
    assert_eq!(settings.entry_points["a"].http.max_header_bytes, 1_048_576);
}

#[test]
fn headers_that_could_be_taken_for_others() {
    let told_of = |arguments: &[&str]| -> Vec<String> {
        run_told(started(arguments)).1.iter().map(ToString::to_string).collect()
    };
    let unset = |warnings: &[String]| warnings.iter().filter(|w| w.contains("aliasHeadersStrategy is not set")).count();
    let deprecated = |warnings: &[String]| warnings.iter().filter(|w| w.contains("is deprecated")).count();
    for (alias, underscore, told) in [
        ("", "", (1, 0)),
        ("keep", "", (0, 0)),
        ("delete", "", (0, 0)),
        ("reject", "", (0, 0)),
        ("", "keep", (1, 1)),
        ("", "delete", (0, 1)),
        ("", "reject", (0, 1)),
        ("keep", "keep", (0, 1)),
        ("reject", "reject", (0, 1)),
    ] {
        let alias = format!("--entrypoints.web.http.aliasheadersstrategy={alias}");
        let underscore = format!("--entrypoints.web.http.underscoreheadersstrategy={underscore}");
        let found = told_of(&["--entrypoints.web.address=:81", &alias, &underscore]);
        assert_eq!((unset(&found), deprecated(&found)), told, "{alias} {underscore}: {found:?}");
    }
    assert_eq!(unset(&told_of(&["--ping"])), 2, "one an entry point");
    for (alias, underscore) in [("keep", "delete"), ("delete", "keep"), ("reject", "delete")] {
        let alias = format!("--entrypoints.web.http.aliasheadersstrategy={alias}");
        let underscore = format!("--entrypoints.web.http.underscoreheadersstrategy={underscore}");
        let found = mistakes(&["--entrypoints.web.address=:81", &alias, &underscore]);
        assert!(found[0].starts_with("entryPoints.web.http.aliasHeadersStrategy: differs from "), "{found:?}");
    }
    let found = mistakes(&["--entrypoints.web.address=:81", "--entrypoints.web.http.aliasheadersstrategy=drop"]);
    assert_eq!(
        found,
        ["flag --entrypoints.web.http.aliasheadersstrategy: takes one of delete, keep, reject, not \"drop\""]
    );
}
