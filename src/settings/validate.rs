//! Completion and validation of the settings as a whole: default entry points, and settings that do not fit together.

use super::address::{Address, Protocol, RedirectTarget};
use super::certificate::AcmeResolver;
use super::entry_point::{DEFAULT_MAX_HEADER_BYTES, EntryPoint, Http};
use super::mistake::{Findings, Warning};
use super::{INTERNAL, Settings};
use flow_model::entry_point::AliasStrategy;
use std::net::{IpAddr, SocketAddr};

/// Completes settings as Traefik does, and validates them as a whole.
pub(super) fn complete_and_validate(settings: &mut Settings, findings: &mut Findings) {
    add_entry_points(settings);
    entry_points(settings, findings);
    named_entry_points(settings, findings);
    providers(settings, findings);
    resolvers(settings, findings);
    observability(settings, findings);
}

/// Adds `http` on :80 if there is no entry point, and `traefik` on :8080 if something is to be served there.
fn add_entry_points(settings: &mut Settings) {
    if settings.entry_points.is_empty() {
        settings.entry_points.insert("http".to_owned(), EntryPoint::at(Address::any(80)));
    }
    let api = settings.api.as_ref().is_some_and(|api| api.insecure);
    let ping = settings.ping.as_ref().is_some_and(|ping| !ping.manual_routing && ping.entry_point == INTERNAL);
    let prometheus = settings.metrics.prometheus.as_ref();
    let metrics = prometheus.is_some_and(|metrics| !metrics.manual_routing && metrics.entry_point == INTERNAL);
    if api || ping || metrics {
        let internal = || EntryPoint::at(Address::any(8080));
        settings.entry_points.entry(INTERNAL.to_owned()).or_insert_with(internal);
    }
}

fn entry_points(settings: &mut Settings, findings: &mut Findings) {
    for (name, entry_point) in &mut settings.entry_points {
        if entry_point.http.max_header_bytes == 0 {
            entry_point.http.max_header_bytes = DEFAULT_MAX_HEADER_BYTES;
        }
        if entry_point.address.protocol == Protocol::Udp {
            let (entry_point, address) = (name.clone(), entry_point.address.to_string());
            findings.warnings.push(Warning::UdpEntryPoint { entry_point, address });
        } else {
            alias_headers(name, &entry_point.http, findings);
        }
    }
    let all: Vec<_> = settings.entry_points.iter().collect();
    for (index, (name, entry_point)) in all.iter().enumerate() {
        let others = all[..index].iter().filter(|(_, other)| other.address.overlaps(&entry_point.address));
        for (other, taken) in others {
            let problem = format!(
                "{} is already taken by entry point {other} ({}); give each its own port",
                entry_point.address, taken.address
            );
            findings.conflict(format!("entryPoints.{name}.address"), problem);
        }
    }
    for (name, entry_point) in &settings.entry_points {
        let resolver = entry_point.http.tls.as_ref().map_or("", |tls| &*tls.cert_resolver);
        if !resolver.is_empty() && !settings.certificates_resolvers.contains_key(resolver) {
            let (entry_point, resolver) = (name.clone(), resolver.to_owned());
            findings.warnings.push(Warning::UnknownResolver { entry_point, resolver });
        }
    }
}

/// Checks the two options for alias headers as Traefik does, which refuses to start with some values.
fn alias_headers(entry_point: &str, http: &Http, findings: &mut Findings) {
    let (aliases, underscores) = (http.alias_headers_strategy, http.underscore_headers_strategy);
    if underscores.is_some() {
        findings.warnings.push(Warning::UnderscoreHeaders { entry_point: entry_point.to_owned() });
    }
    match (aliases, underscores) {
        (Some(aliases), Some(underscores)) if aliases != underscores => {
            let option = format!("entryPoints.{entry_point}.http.aliasHeadersStrategy");
            findings.conflict(option, "differs from underscoreHeadersStrategy, which is deprecated; remove the latter");
        }
        (None, None | Some(AliasStrategy::Keep)) => {
            findings.warnings.push(Warning::AliasHeaders { entry_point: entry_point.to_owned() });
        }
        _ => {}
    }
}

/// Checks that entry points named by other settings exist and are TCP.
fn named_entry_points(settings: &Settings, findings: &mut Findings) {
    let mut named = Vec::new();
    if let Some(ping) = settings.ping.as_ref().filter(|ping| !ping.manual_routing) {
        named.push(("ping.entryPoint".to_owned(), ping.entry_point.as_str()));
    }
    if let Some(metrics) = settings.metrics.prometheus.as_ref().filter(|metrics| !metrics.manual_routing) {
        named.push(("metrics.prometheus.entryPoint".to_owned(), &metrics.entry_point));
    }
    for (name, entry_point) in &settings.entry_points {
        if let Some(redirect) = &entry_point.http.redirections.entry_point
            && let RedirectTarget::EntryPoint(to) = &redirect.to
            && !to.is_empty()
        {
            let option = format!("entryPoints.{name}.http.redirections.entryPoint.to");
            if to == name {
                findings.conflict(option, "the entry point would redirect to itself; name another one");
            } else {
                named.push((option, to));
            }
        }
    }
    for server in &settings.acme.name_servers {
        if name_server(server).is_none() {
            findings.conflict("acme.nameServers", format!("takes addresses such as 192.0.2.53:53, not {server:?}"));
        }
    }
    for (name, resolver) in &settings.certificates_resolvers {
        let challenge = resolver.acme.as_ref().and_then(|acme| acme.http_challenge.as_ref());
        if let Some(entry_point) = challenge.and_then(|challenge| challenge.entry_point.as_deref()) {
            named.push((format!("certificatesResolvers.{name}.acme.httpChallenge.entryPoint"), entry_point));
        }
    }
    for (option, name) in named {
        match settings.entry_points.get(name) {
            Some(entry_point) if entry_point.address.protocol == Protocol::Udp => {
                findings.conflict(option, format!("entry point {name:?} is for UDP; name one for TCP"));
            }
            Some(_) => {}
            None => {
                let defined: Vec<_> = settings.entry_points.keys().map(String::as_str).collect();
                let problem = format!("there is no entry point {name:?}; there are: {}", defined.join(", "));
                findings.conflict(option, problem);
            }
        }
    }
}

fn providers(settings: &Settings, findings: &mut Findings) {
    if let Some(file) = &settings.providers.file {
        match (&file.directory, &file.filename) {
            (Some(_), Some(_)) => findings.conflict("providers.file", "give either directory or filename, not both"),
            (None, None) => findings.conflict("providers.file", "give directory or filename"),
            _ => {}
        }
    }
    let providers = &settings.providers;
    if providers.manifests.is_some() && (providers.kubernetes_ingress.is_some() || providers.kubernetes_crd.is_some()) {
        findings
            .conflict("providers.manifests", "stands in for a cluster: give it or the kubernetes providers, not both");
    }
    let ingress = providers.kubernetes_ingress.as_ref();
    let service = ingress.map_or("", |ingress| ingress.provider.options.ingress_endpoint.published_service.as_str());
    let mut parts = service.split('/');
    let pair = matches!((parts.next(), parts.next(), parts.next()), (Some(a), Some(b), None) if !a.is_empty() && !b.is_empty());
    if !service.is_empty() && !pair {
        let option = "providers.kubernetesIngress.ingressEndpoint.publishedService";
        findings.conflict(option, format!("takes namespace/name, not {service:?}"));
    }
}

fn resolvers(settings: &Settings, findings: &mut Findings) {
    for (name, resolver) in &settings.certificates_resolvers {
        if let Some(acme) = &resolver.acme {
            acme_resolver(&format!("certificatesResolvers.{name}.acme"), acme, findings);
        }
    }
}

/// The address of a DNS server; its port is 53 where none is given.
pub(crate) fn name_server(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53)))
}

fn acme_resolver(option: &str, acme: &AcmeResolver, findings: &mut Findings) {
    if acme.http_challenge.is_none() && acme.tls_challenge.is_none() && !acme.dns_persist_challenge {
        let problem = "proves names in no way: give httpChallenge or tlsChallenge (dnsChallenge is not served)";
        findings.conflict(option, problem);
    }
    if !acme.ca_server.starts_with("https://") && !acme.ca_server.starts_with("http://") {
        findings
            .conflict(format!("{option}.caServer"), format!("takes the URL of a directory, not {:?}", acme.ca_server));
    }
}

fn observability(settings: &Settings, findings: &mut Findings) {
    if let Some(metrics) = &settings.metrics.prometheus
        && !metrics.buckets.is_sorted_by(|a, b| a < b)
    {
        findings.conflict("metrics.prometheus.buckets", "must be in ascending order, each once");
    }
    if let Some(api) = &settings.api
        && !api.base_path.starts_with('/')
    {
        findings.conflict("api.basePath", format!("must begin with /, unlike {:?}", api.base_path));
    }
    if let Some(ping) = &settings.ping
        && !(100..=599).contains(&ping.terminating_status_code)
    {
        findings.conflict("ping.terminatingStatusCode", "takes a status from 100 to 599");
    }
}
