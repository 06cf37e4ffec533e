//! `api`, `ping`, `core`, `global`, `serversTransport`: the smaller groups.

use super::schema::{options_of, section, words_of};
use flow_model::config::{ForwardingTimeouts, RuleSyntax, Spiffe};
use flow_model::duration::GoDuration;

section! {
    /// The API and the dashboard.
    Api {
        /// The path above the API and the dashboard.
        base_path: String = "/".to_owned(), "basePath";
        /// Serves API and dashboard on the entry point `traefik`, without a router and without protection.
        insecure: bool = false, "insecure";
        /// Serves the dashboard.
        dashboard: bool = true, "dashboard";
        /// Serves `/debug/`.
        debug: bool = false, "debug", unserved;
        /// Accepted; there is none.
        disable_dashboard_ad: bool = false, "disableDashboardAd";
        /// The dashboard's title.
        dashboard_name: String = String::new(), "dashboardName";
    }

    /// `/ping`.
    Ping {
        /// The entry point that answers it.
        entry_point: String = super::INTERNAL.to_owned(), "entryPoint";
        /// A router of the user's leads to ping@internal.
        manual_routing: bool = false, "manualRouting";
        /// The status while the program is stopping.
        terminating_status_code: u16 = 503, "terminatingStatusCode";
    }

    /// The core.
    Core {
        /// The syntax of rules that do not name one: v3, which it is where nothing is said, or v2.
        default_rule_syntax: Option<RuleSyntax> = None, "defaultRuleSyntax";
        /// Serves no router whose TLS options conflict with those of another router of the same host.
        strict_tls_options: bool = false, "strictTLSOptions";
    }

    /// Global options of Traefik: accepted, without effect.
    Global {
        /// Accepted; nobody is asked for new versions.
        check_new_version: bool = true, "checkNewVersion";
        /// Accepted; nothing is sent.
        send_anonymous_usage: bool = false, "sendAnonymousUsage";
        /// Accepted; the entry points' option of that name is the one that works.
        not_append_x_forwarded_for: bool = false, "notAppendXForwardedFor";
    }

    /// The default transport to backends.
    ServersTransport {
        /// Backends' certificates are not verified.
        insecure_skip_verify: bool = false, "insecureSkipVerify";
        /// Files, or contents, of CAs for backends' certificates; the system's if none is given.
        root_cas: Vec<String> = Vec::new(), "rootCAs";
        /// Idle connections that are kept to a backend; 0 is the default of Go, negative is none.
        max_idle_conns_per_host: i64 = 200, "maxIdleConnsPerHost";
        /// How long a backend may take.
        forwarding_timeouts: ForwardingTimeouts = ForwardingTimeouts::default(), "forwardingTimeouts";
        /// Backends are known by SPIFFE identities, which the authorities in rootCAs vouch for.
        spiffe: Option<Spiffe> = None, "spiffe";
    }
}

options_of! {
    Spiffe {
        /// The identities that backends may have; without any, all of the trust domain.
        ids: Vec<String>, "ids";
        /// The domain that backends must be of, if there are no ids; without both, any that the authorities vouch for.
        trust_domain: String, "trustDomain";
    }

    ForwardingTimeouts {
        /// The longest that a backend may take to accept a connection; 0 is no limit.
        dial: GoDuration, "dialTimeout";
        /// The longest that a backend may take to begin its answer; 0 is no limit.
        response_header: GoDuration, "responseHeaderTimeout";
        /// How long an idle connection to a backend is kept.
        idle_connection: GoDuration, "idleConnTimeout";
    }
}

words_of! {
    RuleSyntax {
        V2 = "v2";
        V3 = "v3";
    }
}
