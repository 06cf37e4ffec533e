//! The pages of the commands.

/// A command: its name, its line on the first page, and its own page.
pub(in crate::settings) struct Page {
    pub(in crate::settings) name: &'static str,
    pub(super) about: &'static str,
    pub(in crate::settings) text: &'static str,
}

/// Every command, by name.
pub(in crate::settings) const COMMANDS: [Page; 6] = [
    Page { name: "cert", about: "status and renewal of certificates", text: CERT },
    Page { name: "check", about: "find out whether a start would succeed, and what would be wrong then", text: CHECK },
    Page { name: "demo", about: "serve a folder of manifests with two backends, to see it work", text: DEMO },
    Page {
        name: "healthcheck",
        about: "ask a running flow-proxy for /ping, and exit with 1 if it does not answer 200",
        text: HEALTHCHECK,
    },
    Page { name: "help", about: "print this text, or a section of it", text: HELP },
    Page { name: "version", about: "print the version", text: VERSION },
];

/// The page of `flow-proxy cert`.
pub const CERT: &str = "\
flow-proxy cert: what has become of a certificate, and what to do when it does not come

Usage: flow-proxy cert status [NAME] [-n NAMESPACE]
       flow-proxy cert renew NAME [-n NAMESPACE]

  status       without NAME: every Certificate of the namespace; with one: the Certificate, its issuer, request, order
               and challenges, why they are so, and what to do (exit code 1 where it is not ready)
  renew        has a new certificate issued, however good the present one is
  NAME         a Certificate, or a Secret or host of one
  -n, --namespace NAMESPACE
               where it is; that of the pod, or of the kubeconfig's context, if none is named

The cluster is that of the pod it runs in (kubectl exec), else the one that KUBECONFIG names.
";

const CHECK: &str = "\
flow-proxy check: whether a start would succeed, and what would be wrong then

Usage: flow-proxy check [--option=value ...]

Reads the configuration as a start does (a file, else the flags, else the environment) and the files that it names:
logs, authorities, acme.json and its folder, the folder of manifests. With providers.manifests.directory the manifests
are read and translated too. No port is bound, no certification authority and no API server is asked, and nothing that
it writes stays.

  standard output   the settings in effect as JSON, secrets hidden
  standard error    mistakes, warnings, and what is wrong with manifests, a line each:
                    FILE:LINE: error: Ingress NAMESPACE/NAME: what is wrong

Exit codes:
  0  it would start, and all manifests would be served; there may be warnings
  1  it would start, but some manifests, or parts of them, would not be served
  2  it would not start: mistakes in the configuration
";

const DEMO: &str = "\
flow-proxy demo: a folder of manifests and two backends, to see it work without a cluster

Usage: flow-proxy demo

Serves on free ports of 127.0.0.1, prints the addresses to try, and ends with Ctrl-C. It takes no options: whoever wants
other ones serves a folder of manifests (--providers.manifests.directory).
";

const HEALTHCHECK: &str = "\
flow-proxy healthcheck: asks the running flow-proxy of the same configuration for /ping, as container probes do

Usage: flow-proxy healthcheck [--option=value ...]

The configuration must have ping on; its entry point says where to ask.

Exit codes:
  0  it answered 200
  1  it answered something else, or not within five seconds
  2  mistakes in the configuration
";

const HELP: &str = "\
flow-proxy help: the whole reference, or a section of it

Usage: flow-proxy help [SECTION]        (the same: flow-proxy --help [SECTION])

  SECTION  a command (check), or options by their path, in any case (entryPoints, providers.kubernetesIngress, log.level)
";

const VERSION: &str = "\
flow-proxy version: prints the version

Usage: flow-proxy version        (the same: flow-proxy --version)
";
