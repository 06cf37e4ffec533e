//! The certificates that routers request from resolvers.

use flow_acme::resolvers::Wanted;
use flow_model::config::{GeneratedCertificate, RuleSyntax};
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::rule::Rule;
use flow_model::runtime::Runtime;
use std::sync::Arc;

/// The certificates that served routers, and the TLS store, request from known resolvers, and the problems with these
/// requests.
pub(crate) fn wanted(runtime: &Runtime, known: impl Fn(&str) -> bool) -> (Vec<Wanted>, Vec<Diagnostic>) {
    let mut wanted = Vec::new();
    let mut found = Vec::new();
    let unknown = |subject, resolver: &str| {
        let message =
            format!("certificate resolver {resolver} does not exist: define certificatesResolvers.{resolver}.acme");
        Diagnostic::warning(subject, message)
    };
    if let Some(GeneratedCertificate { resolver, domain }) = &runtime.default_certificate {
        if known(resolver) {
            let (resolver, main) = (resolver.to_string(), domain.main.clone());
            wanted.push(Wanted { resolver, main, sans: domain.sans.clone() });
        } else {
            found.push(unknown(Subject::new("TLSStore", "", "default"), resolver));
        }
    }
    for (name, info) in &runtime.resolving {
        let Some(tls) = info.resolving() else { continue };
        let resolver = &*tls.cert_resolver;
        if !known(resolver) {
            found.push(unknown(Subject::new("router", "", Arc::clone(name)), resolver));
            continue;
        }
        let want = |main: &str, sans: &[String]| Wanted {
            resolver: resolver.to_owned(),
            main: main.to_owned(),
            sans: sans.to_vec(),
        };
        if tls.domains.is_empty() {
            let syntax = info.router.rule_syntax.or(info.inherited.rule_syntax).unwrap_or(RuleSyntax::Default);
            let rule = Rule::parse(&info.router.rule, syntax).ok();
            let mut hosts = rule.iter().flat_map(Rule::hosts).map(str::to_owned);
            if let Some(main) = hosts.next() {
                wanted.push(want(&main, &hosts.collect::<Vec<_>>()));
            }
        } else {
            wanted.extend(tls.domains.iter().map(|domain| want(&domain.main, &domain.sans)));
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    (wanted, found)
}
