//! Annotations without effect here: those of other controllers and of Traefik 1, those on the wrong object, and typos.

use super::meaning::{Meaning, meaning};
use crate::view::annotations::{Annotations, PREFIX};
use flow_model::nearest;
use std::collections::BTreeMap;

/// The options of an Ingress.
const ROUTER: [&str; 14] = [
    "router.entrypoints",
    "router.middlewares",
    "router.observability.accesslogs",
    "router.observability.metrics",
    "router.observability.traceverbosity",
    "router.observability.tracing",
    "router.pathmatcher",
    "router.priority",
    "router.rulesyntax",
    "router.tls",
    "router.tls.certresolver",
    "router.tls.domains.0.main",
    "router.tls.domains.0.sans",
    "router.tls.options",
];
/// The options of a Service.
const SERVICE: [&str; 14] = [
    "service.middlewares",
    "service.nativelb",
    "service.nodeportlb",
    "service.passhostheader",
    "service.serversscheme",
    "service.serverstransport",
    "service.sticky.cookie",
    "service.sticky.cookie.domain",
    "service.sticky.cookie.httponly",
    "service.sticky.cookie.maxage",
    "service.sticky.cookie.name",
    "service.sticky.cookie.path",
    "service.sticky.cookie.samesite",
    "service.sticky.cookie.secure",
];
/// Options that any value but `true` switches off.
const SWITCHES: [&str; 4] = ["router.observability", "router.tls", "service.sticky", "service.sticky.cookie"];
/// Options without which something is served unprotected that was meant to be protected.
const PROTECTING: [&str; 4] = ["router.entrypoints", "router.middlewares", "router.tls.options", "service.middlewares"];

/// The findings about the annotations of an Ingress.
pub(super) fn of_ingress(annotations: &Annotations) -> Vec<String> {
    findings(annotations, "router.", ("service.", "the Service"))
}

/// The findings about the annotations of a Service.
pub(super) fn of_service(annotations: &Annotations) -> Vec<String> {
    findings(annotations, "service.", ("router.", "the Ingress"))
}

/// Returns the words that name the option that `key`, an annotation with our prefix, may have meant.
pub(super) fn hint(key: &str) -> String {
    near(key.strip_prefix(PREFIX).unwrap_or(key))
        .map_or_else(String::new, |near| format!("; did you mean {PREFIX}{near}?"))
}

fn near(option: &str) -> Option<&'static str> {
    nearest::name(option, ROUTER.into_iter().chain(SERVICE))
}

fn findings(annotations: &Annotations, own: &str, (others, place): (&str, &str)) -> Vec<String> {
    let mut findings = Findings::default();
    for (option, value) in annotations.options() {
        let key = || format!("{PREFIX}{option}");
        let name = option.to_ascii_lowercase();
        if name.starts_with(own) {
            let is_switch = SWITCHES.contains(&name.as_str());
            if is_switch
                && !value.is_empty()
                && !value.eq_ignore_ascii_case("true")
                && !value.eq_ignore_ascii_case("false")
            {
                findings
                    .lines
                    .push(format!("annotation {}: {value:?} is neither true nor false and switches it off", key()));
            }
        } else if name.starts_with(others) {
            findings.misplaced.push(key());
        } else if let Some(known) = meaning(&name).filter(|_| near(&name).is_none()) {
            findings.add(known, key(), value);
        } else {
            findings.lines.push(slip(&key(), &name));
        }
    }
    for (key, value) in annotations.foreign() {
        let name = key.split_once('/').map_or_else(|| key.trim_start_matches("traefik."), |(_, name)| name);
        findings.add(meaning(&name.to_ascii_lowercase()).unwrap_or_default(), key.to_owned(), value);
    }
    findings.finish(place)
}

/// Returns the finding about an annotation with our prefix that is not an option.
fn slip(key: &str, name: &str) -> String {
    let open = near(name).is_some_and(|near| PROTECTING.contains(&near));
    let open = if open { ", so this is served without the protection that it was to give" } else { "" };
    format!("annotation {key}: there is no such option{open}{}", hint(key))
}

/// Findings, gathered so that related ones are in one line.
#[derive(Default)]
struct Findings {
    lines: Vec<String>,
    misplaced: Vec<String>,
    elsewhere: BTreeMap<Meaning, Vec<String>>,
}

impl Findings {
    fn add(&mut self, known: Meaning, key: String, value: &str) {
        let is_off = ["0", "false", "no", "off"].iter().any(|off| value.eq_ignore_ascii_case(off));
        // An option that is switched off elsewhere protects nothing there, except `enable`, which protects by being
        // off.
        let known = match (is_off, known.by_being_off) {
            (true, true) | (false, false) => known,
            (true, false) => Meaning::default(),
            (false, true) => Meaning { protects: false, ..known },
        };
        self.elsewhere.entry(known).or_default().push(key);
    }

    fn finish(self, place: &str) -> Vec<String> {
        let mut lines = self.lines;
        if !self.misplaced.is_empty() {
            lines.push(format!("{} no effect here: write {} on {place}", have(&self.misplaced), it(&self.misplaced)));
        }
        for (known, keys) in self.elsewhere {
            let way_out = if known.way_out.is_empty() { String::new() } else { format!(": {}", known.way_out) };
            lines.push(if known.protects {
                let give = if keys.len() == 1 { "this gives" } else { "these give" };
                format!(
                    "{} no effect here, so this is served without the protection that {give} elsewhere{way_out}",
                    have(&keys)
                )
            } else {
                format!("{} no effect here{way_out}", have(&keys))
            });
        }
        lines
    }
}

fn have(keys: &[String]) -> String {
    match keys {
        [one] => format!("annotation {one} has"),
        several => format!("annotations {} have", several.join(", ")),
    }
}

const fn it(keys: &[String]) -> &'static str {
    if keys.len() == 1 { "it" } else { "them" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::view::{Object, ObjectKey, View};
    use serde_json::json;

    fn annotations(all: &[(&str, &str)]) -> Annotations {
        let annotations: serde_json::Map<_, _> =
            all.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let mut view = View::default();
        let meta = json!({ "name": "s", "annotations": annotations });
        view.apply(
            Object::from_manifest(json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta })).unwrap().unwrap(),
        );
        view.service(&ObjectKey::new("default", "s")).unwrap().annotations.clone()
    }

    fn one(key: &str, value: &str) -> String {
        let mut lines = of_ingress(&annotations(&[(key, value)]));
        assert_eq!(lines.len(), 1, "{key}: {lines:?}");
        lines.remove(0)
    }

    #[test]
    fn what_protects_elsewhere_is_said_so() {
        for (key, value, way_out) in [
            ("ingress.kubernetes.io/auth-type", "basic", "basicAuth"),
            ("traefik.ingress.kubernetes.io/auth-type", "basic", "basicAuth"),
            ("traefik.frontend.auth.basic", "u:p", "basicAuth"),
            ("traefik.frontend.auth.forward.address", "http://a", "forwardAuth"),
            ("traefik.frontend.whiteList.sourceRange", "10.0.0.0/8", "ipAllowList"),
            ("ingress.kubernetes.io/whitelist-source-range", "10.0.0.0/8", "ipAllowList"),
            ("traefik.ingress.kubernetes.io/whitelist-source-range", "10.0.0.0/8", "ipAllowList"),
            ("traefik.ingress.kubernetes.io/frontend-entry-points", "internal", "router.entrypoints"),
            ("traefik.ingress.kubernetes.io/redirect-entry-point", "https", "redirectScheme"),
            ("traefik.ingress.kubernetes.io/rate-limit", "extractorfunc: client.ip", "rateLimit"),
            ("ingress.kubernetes.io/hsts-max-age", "315360000", "headers"),
            ("nginx.ingress.kubernetes.io/auth-url", "https://a", "forwardAuth"),
            ("nginx.ingress.kubernetes.io/auth-tls-secret", "a/b", "TLSOption"),
            ("nginx.ingress.kubernetes.io/auth-tls-verify-client", "on", "TLSOption"),
            ("nginx.ingress.kubernetes.io/denylist-source-range", "10.0.0.0/8", "ipAllowList"),
            ("nginx.ingress.kubernetes.io/limit-rps", "5", "rateLimit"),
            ("nginx.ingress.kubernetes.io/limit-whitelist", "10.0.0.0/8", "rateLimit"),
            ("nginx.ingress.kubernetes.io/force-ssl-redirect", "true", "redirectScheme"),
            ("nginx.ingress.kubernetes.io/enable-modsecurity", "true", "firewall"),
            ("nginx.ingress.kubernetes.io/configuration-snippet", "deny all;", "Middlewares"),
            ("nginx.ingress.kubernetes.io/proxy-ssl-verify", "on", "ServersTransport"),
            ("haproxy.org/auth-type", "basic-auth", "basicAuth"),
            ("haproxy.org/allow-list", "10.0.0.0/8", "ipAllowList"),
            ("haproxy-ingress.github.io/whitelist-source-range", "10.0.0.0/8", "ipAllowList"),
            ("nginx.org/basic-auth-secret", "x", "basicAuth"),
            ("traefik.http.routers.a.middlewares", "x", "router.middlewares"),
            ("traefik.enable", "false", "another class"),
        ] {
            let line = one(key, value);
            assert!(line.contains(key) && line.contains("without the protection"), "{line}");
            assert!(line.contains(way_out), "{line}");
        }
    }

    #[test]
    fn what_does_not_protect_is_only_named() {
        for (key, value) in [
            ("nginx.ingress.kubernetes.io/proxy-body-size", "50m"),
            ("nginx.ingress.kubernetes.io/ssl-redirect", "false"),
            ("nginx.ingress.kubernetes.io/rewrite-target", "/$1"),
            ("traefik.ingress.kubernetes.io/rule-type", "PathPrefixStrip"),
            ("traefik.enable", "true"),
        ] {
            let line = one(key, value);
            assert!(line.contains(key) && line.contains("no effect") && !line.contains("protection"), "{line}");
        }
    }

    #[test]
    fn what_belongs_together_is_one_line() {
        let lines = of_ingress(&annotations(&[
            ("nginx.ingress.kubernetes.io/auth-realm", "a"),
            ("nginx.ingress.kubernetes.io/auth-secret", "b"),
            ("nginx.ingress.kubernetes.io/auth-type", "basic"),
        ]));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("auth-realm, nginx.ingress.kubernetes.io/auth-secret"), "{lines:?}");
    }

    #[test]
    fn options_on_the_wrong_object_are_said_to_be() {
        let key = "traefik.ingress.kubernetes.io/service.sticky.cookie";
        assert!(one(key, "true").ends_with("write it on the Service"));
        let of_router = annotations(&[("traefik.ingress.kubernetes.io/router.middlewares", "a@b")]);
        assert!(of_service(&of_router)[0].ends_with("write it on the Ingress"));
        assert!(of_ingress(&of_router).is_empty());
    }

    #[test]
    fn slips_are_told_with_the_nearest_name() {
        for (option, near) in [
            ("router-middlewares", "router.middlewares"),
            ("routers.tls", "router.tls"),
            ("routre.entrypoints", "router.entrypoints"),
        ] {
            let line = one(&format!("{PREFIX}{option}"), "x");
            assert!(line.contains(&format!("did you mean {PREFIX}{near}?")), "{line}");
        }
        assert!(one(&format!("{PREFIX}router-middlewares"), "x").contains("without the protection"));
        assert!(!one(&format!("{PREFIX}qqq"), "x").contains("did you mean"));
    }

    #[test]
    fn a_switch_that_is_neither_on_nor_off_is_told() {
        assert!(one(&format!("{PREFIX}router.tls"), "yes").contains("switches it off"));
        for value in ["", "true", "False"] {
            assert!(of_ingress(&annotations(&[(&format!("{PREFIX}router.tls"), value)])).is_empty());
        }
    }
}
