//! `--help` and docs/configuration.md agree with the tables.

use super::started;
use crate::settings::schema::Value;
use crate::settings::{Command, Settings, rows};
use std::fmt::Write as _;

#[test]
fn help_works_before_anything_else() {
    for arguments in [&["--help"][..], &["-h"], &["help"], &["--nonsense", "--help"], &["--help", "--nonsense"]] {
        let Command::Help(text) = started(arguments).unwrap() else { panic!("{arguments:?}") };
        assert!(text.starts_with("flow-proxy: "), "{text}");
        for line in [
            "  --entryPoints.<name>.address  Where it listens: `[host]:port[/tcp|/udp]`. (required)\n",
            "  --entryPoints.<name>.transport.respondingTimeouts.idleTimeout  How long a connection \
             without a request is kept; 0 is no limit. (default: 3m0s)\n",
            "  --accessLog  Writes the access log. (default: off)\n",
            "  --tracing  Tracing by OpenTelemetry. (accepted, not served yet)\n",
            "  --metrics.prometheus.buckets  The upper bounds of the histograms, in seconds. (default: 0.1,0.3,1.2,5.0)\n",
            "  --entryPoints.<name>.http.tls.domains[n].main  The first name of a certificate.\n",
            "  --accessLog.fields.headers.names.<name>  keep, drop or redact one header.\n",
        ] {
            assert!(text.contains(line), "{line}\nis not in\n{text}");
        }
    }
}

fn help(arguments: &[&str]) -> String {
    match started(arguments).unwrap() {
        Command::Help(text) => text,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

#[test]
fn the_whole_begins_with_its_sections() {
    let text = help(&["--help"]);
    let (before, options) = text.split_once("  --configFile").unwrap();
    for line in ["  check        ", "  demo         ", "  entryPoints            ", "  providers              "] {
        assert!(before.contains(line), "{line:?} is not in\n{before}");
    }
    assert!(options.contains("--entryPoints.<name>.address"));
}

#[test]
fn a_section_is_a_command_or_the_options_below_a_path() {
    for (arguments, begin) in [
        (&["--help", "check"][..], "flow-proxy check: "),
        (&["help", "check"], "flow-proxy check: "),
        (&["check", "--help"], "flow-proxy check: "),
        (&["check", "--ping", "-h"], "flow-proxy check: "),
        (&["demo", "--help"], "flow-proxy demo: "),
        (&["healthcheck", "-h"], "flow-proxy healthcheck: "),
        (&["version", "--help"], "flow-proxy version: "),
        (&["help", "help"], "flow-proxy help: "),
        (&["--help", "entrypoints"], "entryPoints: Entry points, by name.\n\n  --entryPoints.<name>.address  "),
        (&["--help=entryPoints"], "entryPoints: "),
        (
            &["--help", "providers.kubernetesingress"],
            "kubernetesIngress: Serves Ingress objects of a Kubernetes cluster.\n\n  --providers.kubernetesIngress  ",
        ),
        (&["--help", "log.level"], "level: The least severe level"),
    ] {
        let text = help(arguments);
        assert!(text.starts_with(begin), "{arguments:?} gives\n{text}");
    }
    let tls = help(&["--help", "entrypoints.http.tls"]);
    assert_eq!(
        help(&["--help", "entrypoints.web.http.tls"]).split_once("\n\n").unwrap().1,
        tls.split_once("\n\n").unwrap().1,
        "a free name may be given"
    );
    assert!(
        tls.lines()
            .filter(|line| line.starts_with("  --"))
            .all(|line| line.starts_with("  --entryPoints.<name>.http.tls"))
    );
    assert!(help(&["--help", "tlschallenge"]).contains("--certificatesResolvers.<name>.acme.tlsChallenge"));
}

#[test]
fn a_section_that_is_not_there_is_told_with_the_nearest() {
    for (section, nearest) in [
        ("entrypont", "did you mean --help entryPoints?"),
        ("chekc", "did you mean --help check?"),
        ("providers.kubernetesingres", "did you mean --help providers.kubernetesIngress?"),
        ("zzzzzzzz", "--help alone lists them"),
        (".", "--help alone lists them"),
    ] {
        let told = started(&["--help", section]).unwrap_err().to_string();
        assert_eq!(told, format!("there is no section {section:?} of --help; {nearest}"));
    }
}

/// If UPDATE_REFERENCE is set, the page is written instead.
#[test]
fn the_reference_lists_every_option() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (before, rest) = text.split_once("<!-- options: begin -->").unwrap();
    let (listed, after) = rest.split_once("<!-- options: end -->").unwrap();
    let mut table = String::from("\n");
    let mut group = String::new();
    for row in rows::rows(<Settings as Value>::SHAPE) {
        let root = row.option.split(['.', '[']).next().unwrap_or_default();
        if root != group {
            group = root.to_owned();
            let _ = write!(table, "\n### {root}\n\n| option | default | what it does |\n|---|---|---|\n");
        }
        let default = match row.default.as_str() {
            _ if row.required => "required".to_owned(),
            "" => String::new(),
            text => format!("`{text}`"),
        };
        let note = if row.served { "" } else { " **Not served yet.**" };
        let about = row.about.replace('|', "\\|");
        let _ = writeln!(table, "| `{}` | {default} | {about}{note} |", row.option);
    }
    table.push('\n');
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(page, format!("{before}<!-- options: begin -->{table}<!-- options: end -->{after}")).unwrap();
    } else {
        assert_eq!(listed, table, "run this test with UPDATE_REFERENCE=1");
    }
}
