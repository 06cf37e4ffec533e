//! Settings from flags.

use super::{flags, mistakes, started, warnings};
use crate::settings::Command;
use crate::settings::schema::Scalar as _;
use std::collections::BTreeMap;

#[test]
fn case_and_dashes_do_not_matter() {
    for arguments in [
        ["--entryPoints.web.address=:81", "--log.noColor"],
        ["--ENTRYPOINTS.web.ADDRESS=:81", "--Log.NOCOLOR"],
        ["-entrypoints.web.address=:81", "-log.nocolor"],
    ] {
        let settings = flags(&arguments);
        assert_eq!(settings.entry_points["web"].address.port, 81, "{arguments:?}");
        assert!(settings.log.no_color, "{arguments:?}");
    }
}

#[test]
fn a_value_may_be_the_next_argument() {
    let settings = flags(&["--entrypoints.web.address", ":81", "--log.nocolor", "--api.basepath", "/admin"]);
    assert_eq!(settings.entry_points["web"].address.port, 81);
    assert!(settings.log.no_color, "a switch takes no argument");
    assert_eq!(settings.api.unwrap().base_path, "/admin");
    assert_eq!(mistakes(&["--api.basepath"]), ["flag --api.basepath: needs a value: --name=value"]);
    assert_eq!(mistakes(&["--api.basepath", "--ping"]), ["flag --api.basepath: needs a value: --name=value"]);
    let loose = mistakes(&["--ping", "false"]);
    assert_eq!(loose, ["unexpected argument \"false\": options are written --name=value"]);
}

#[test]
fn values_may_hold_equal_signs_and_be_negative() {
    assert_eq!(flags(&["--api.dashboardname=a=b"]).api.unwrap().dashboard_name, "a=b");
    assert_eq!(flags(&["--serverstransport.maxidleconnsperhost", "-1"]).servers_transport.max_idle_conns_per_host, -1);
}

#[test]
fn a_group_is_turned_on_by_its_name_and_off_by_false() {
    for (flag, on) in [
        ("--accesslog", true),
        ("--accesslog=true", true),
        ("--accesslog=TRUE", true),
        ("--accesslog=", true),
        ("--accesslog=false", false),
    ] {
        assert_eq!(flags(&[flag]).access_log.is_some(), on, "{flag}");
    }
    assert!(flags(&["--accesslog.format=json"]).access_log.is_some(), "an option turns its group on");
    let off = flags(&["--accesslog=false", "--accesslog.format=json"]);
    assert!(off.access_log.is_none(), "off stays off, whatever is below");
    assert!(
        flags(&["--entrypoints.web.address=:80", "--entrypoints.web.http.tls"]).entry_points["web"].http.tls.is_some()
    );
    assert_eq!(mistakes(&["--accesslog=yes"]), ["flag --accesslog: takes true or false, or options below it"]);
}

#[test]
fn a_group_that_is_always_there_takes_no_value() {
    assert_eq!(
        mistakes(&["--providers.kubernetesingress.ingressendpoint=1.2.3.4"]),
        ["flag --providers.kubernetesingress.ingressendpoint: providers.kubernetesingress.ingressendpoint takes no \
             value, only options below it: providers.kubernetesingress.ingressendpoint.ip, \
             providers.kubernetesingress.ingressendpoint.hostname, \
             providers.kubernetesingress.ingressendpoint.publishedService"]
    );
    assert!(mistakes(&["--metrics"])[0].contains("metrics.prometheus"));
    assert!(mistakes(&["--entrypoints=web"])[0].contains("entrypoints.NAME"));
}

#[test]
fn lists_are_written_with_commas_repeated_or_indexed() {
    let ingress = "--providers.kubernetesingress.namespaces";
    for arguments in [
        vec![format!("{ingress}=a, b")],
        vec![format!("{ingress}=a"), format!("{ingress}=b")],
        vec![format!("{ingress}[1]=b"), format!("{ingress}[0]=a")],
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        assert_eq!(
            flags(&arguments).providers.kubernetes_ingress.unwrap().provider.namespaces,
            ["a", "b"],
            "{arguments:?}"
        );
    }
    let twice = flags(&["--log.level=INFO", "--log.level=DEBUG"]);
    assert_eq!(twice.log.level.show(), "debug", "of single values the last one counts");
    let wrong = mistakes(&["--providers.kubernetesingress.namespaces.first=a"]);
    assert!(wrong[0].contains("no such option: providers.kubernetesingress.namespaces.first"), "{wrong:?}");
}

#[test]
fn unset_and_empty_lists_differ_where_it_matters() {
    let namespaces =
        |flag| flags(&[flag]).providers.kubernetes_ingress.unwrap().provider.options.cross_provider_namespaces;
    assert_eq!(namespaces("--providers.kubernetesingress"), None);
    assert_eq!(namespaces("--providers.kubernetesingress.crossprovidernamespaces="), Some(vec![]));
    assert_eq!(namespaces("--providers.kubernetesingress.crossprovidernamespaces=a"), Some(vec!["a".to_owned()]));
}

#[test]
fn lists_of_groups_are_indexed() {
    let settings = flags(&[
        "--entrypoints.web.address=:443",
        "--entrypoints.web.http.tls.domains[1].main=b.example",
        "--entrypoints.web.http.tls.domains[0].main=a.example",
        "--entrypoints.web.http.tls.domains[0].sans=x.a.example,y.a.example",
    ]);
    let domains = &settings.entry_points["web"].http.tls.as_ref().unwrap().domains;
    assert_eq!(domains.iter().map(|domain| domain.main.as_str()).collect::<Vec<_>>(), ["a.example", "b.example"]);
    assert_eq!(domains[0].sans, ["x.a.example", "y.a.example"]);
    let wrong = mistakes(&["--entrypoints.web.address=:1", "--entrypoints.web.http.tls.domains=a.example"]);
    assert!(wrong[0].contains("domains[0]"), "{wrong:?}");
}

#[test]
fn free_names_keep_their_case() {
    let settings = flags(&[
        "--accesslog.fields.headers.names.User-Agent=keep",
        "--accesslog.fields.names.StartUTC=drop",
        "--metrics.prometheus.headerlabels.agent=User-Agent",
        "--entrypoints.webSecure.address=:443",
        "--entrypoints.websecure.asdefault",
    ]);
    let fields = settings.access_log.unwrap().fields;
    assert_eq!(fields.headers.names.keys().collect::<Vec<_>>(), ["User-Agent"]);
    assert_eq!(fields.names["StartUTC"].show(), "drop");
    let labels = BTreeMap::from([("agent".to_owned(), "User-Agent".to_owned())]);
    assert_eq!(settings.metrics.prometheus.unwrap().header_labels, labels);
    assert!(settings.entry_points["webSecure"].as_default, "one name in two cases is one entry point");
}

#[test]
fn what_traefik_knows_and_is_not_served_is_named_once() {
    assert_eq!(
        warnings(&["--hub.token=s3cret", "--hub.apimanagement", "--providers.docker", "--tracing.servicename", "x"]),
        [
            "hub is not served yet and has no effect (flag --hub.token, flag --hub.apimanagement): leave it out",
            "tracing is not served yet and has no effect (flag --tracing.servicename): leave it out",
            "providers.docker is not served yet and has no effect (flag --providers.docker): describe the routes as \
             Ingresses in a cluster (--providers.kubernetesIngress), or in Traefik's dynamic configuration files \
             (--providers.file.directory=DIR)",
        ]
    );
    assert!(
        warnings(&["--entrypoints.web.address=:1", "--entrypoints.web.http3"])[0].starts_with("entrypoints.web.http3 ")
    );
    assert!(warnings(&["--experimental.fastproxy=false", "--hub.offline=false"]).is_empty(), "off is what it is here");
    assert!(warnings(&["--global.checknewversion", "--global.sendanonymoususage=false"]).is_empty());
}

#[test]
fn commands() {
    for (arguments, expected) in
        [(&["version"], "Version"), (&["--version"], "Version"), (&["check"], "Check"), (&["help"], "Help")]
    {
        let command = format!("{:?}", started(arguments).unwrap());
        assert!(command.starts_with(expected), "{arguments:?}: {command}");
    }
    assert!(
        matches!(started(&["healthcheck", "--ping"]).unwrap(), Command::Healthcheck(settings) if settings.ping.is_some())
    );
    assert_eq!(
        mistakes(&["healthcheck"]),
        ["ping: must be on for healthcheck: add --ping, or name the same configuration file"]
    );
    assert_eq!(mistakes(&["healthchek"]), ["unexpected argument \"healthchek\": did you mean healthcheck?"]);
    assert_eq!(
        mistakes(&["serve"]),
        [
            "unexpected argument \"serve\": commands are cert, check, demo, healthcheck, help, version, and options begin with --"
        ]
    );
}
