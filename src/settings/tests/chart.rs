//! The flags of Traefik's Helm chart start the program.

use super::{run, started};
use crate::settings::{Address, LogLevel, RedirectTarget};
use std::time::Duration;

/// The chart's flags without any values of the user.
const PLAIN: &[&str] = &[
    "--entryPoints.metrics.address=:9100/tcp",
    "--entryPoints.traefik.address=:8080/tcp",
    "--entryPoints.web.address=:8000/tcp",
    "--entryPoints.websecure.address=:8443/tcp",
    "--api.dashboard=true",
    "--ping=true",
    "--metrics.prometheus=true",
    "--metrics.prometheus.entrypoint=metrics",
    "--providers.kubernetescrd",
    "--providers.kubernetescrd.allowEmptyServices=true",
    "--providers.kubernetesingress",
    "--providers.kubernetesingress.allowEmptyServices=true",
    "--providers.kubernetesingress.ingressendpoint.publishedservice=traefik/traefik",
    "--entryPoints.websecure.http.tls=true",
    "--log.level=INFO",
];

/// The chart's flags for values that are served.
const SERVED: &[&str] = &[
    "--providers.kubernetescrd.ingressClass=public",
    "--providers.kubernetescrd.allowExternalNameServices=true",
    "--providers.kubernetescrd.disableClusterScopeResources=true",
    "--providers.kubernetescrd.nativeLBByDefault=true",
    "--global.checkNewVersion=false",
    "--global.sendAnonymousUsage",
    "--global.checknewversion",
    "--entryPoints.web.asDefault=true",
    "--entryPoints.web.observability.accessLogs=false",
    "--entryPoints.web.observability.metrics=true",
    "--entryPoints.web.observability.tracing=false",
    "--entryPoints.web.observability.traceVerbosity=detailed",
    "--api.basePath=/traefik",
    "--core.defaultRuleSyntax=v2",
    "--core.strictTLSOptions=true",
    "--metrics.addinternals",
    "--metrics.prometheus.addRoutersLabels=true",
    "--metrics.prometheus.addEntryPointsLabels=false",
    "--metrics.prometheus.addServicesLabels=true",
    "--metrics.prometheus.buckets=0.1,0.3,1.2,5.0",
    "--metrics.prometheus.manualrouting=true",
    "--metrics.prometheus.headerlabels.agent=User-Agent",
    "--providers.kubernetescrd.labelSelector=app=traefik,tier in (a,b)",
    "--providers.kubernetescrd.allowCrossNamespace=true",
    "--providers.kubernetescrd.namespaces=default,shop",
    "--providers.kubernetesingress.allowExternalNameServices=true",
    "--providers.kubernetesingress.labelSelector=app=traefik",
    "--providers.kubernetesingress.ingressClass=public",
    "--providers.kubernetesingress.disableIngressClassLookup=true",
    "--providers.kubernetesingress.disableClusterScopeResources=true",
    "--providers.kubernetesingress.nativeLBByDefault=true",
    "--providers.kubernetesingress.strictPrefixMatching=true",
    "--providers.kubernetesingress.namespaces=default,shop",
    "--entryPoints.web.http.redirections.entryPoint.to=:443",
    "--entryPoints.web.http.redirections.entryPoint.scheme=https",
    "--entryPoints.web.http.redirections.entryPoint.priority=10",
    "--entryPoints.web.http.redirections.entryPoint.permanent=true",
    "--entryPoints.websecure.http.middlewares=shop-headers@kubernetescrd,shop-limit@kubernetescrd",
    "--entryPoints.websecure.http.tls.options=default",
    "--entryPoints.websecure.http.tls.certResolver=le",
    "--entryPoints.websecure.http.tls.domains[0].main=shop.example",
    "--entryPoints.websecure.http.tls.domains[0].sans=www.shop.example,api.shop.example",
    "--entryPoints.websecure.http.encodedCharacters.allowEncodedSlash=false",
    "--entryPoints.websecure.http.sanitizePath=true",
    "--entryPoints.websecure.http.maxHeaderBytes=65536",
    "--entryPoints.websecure.allowACMEByPass=true",
    "--entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/8,192.168.1.1",
    "--entryPoints.websecure.forwardedHeaders.insecure",
    "--entryPoints.web.proxyProtocol.trustedIPs=10.0.0.0/8",
    "--entryPoints.websecure.proxyProtocol.insecure",
    "--entryPoints.websecure.transport.respondingTimeouts.readTimeout=5m",
    "--entryPoints.websecure.transport.respondingTimeouts.writeTimeout=0",
    "--entryPoints.websecure.transport.respondingTimeouts.idleTimeout=90",
    "--entryPoints.websecure.transport.lifeCycle.requestAcceptGraceTimeout=15s",
    "--entryPoints.websecure.transport.lifeCycle.graceTimeOut=30s",
    "--entryPoints.websecure.transport.keepAliveMaxRequests=1000",
    "--entryPoints.websecure.transport.keepAliveMaxTime=1h",
    "--log.format=json",
    "--log.filePath=/var/log/traefik.log",
    "--log.noColor=true",
    "--accesslog=true",
    "--accesslog.format=json",
    "--accesslog.filepath=/var/log/access.log",
    "--accesslog.addinternals",
    "--accesslog.bufferingsize=100",
    "--accesslog.filters.statuscodes=200,300-302",
    "--accesslog.filters.retryattempts",
    "--accesslog.filters.minduration=10ms",
    "--accesslog.fields.defaultmode=keep",
    "--accesslog.fields.names.StartUTC=drop",
    "--accesslog.fields.headers.defaultmode=drop",
    "--accesslog.fields.headers.names.User-Agent=keep",
    "--accesslog.fields.headers.names.Authorization=redact",
    "--serversTransport.insecureSkipVerify",
    "--certificatesresolvers.le.acme.email=ops@shop.example",
    "--certificatesresolvers.le.acme.storage=/data/acme.json",
    "--certificatesresolvers.le.acme.httpchallenge.entrypoint=web",
    "--certificatesresolvers.le.acme.tlschallenge=true",
    "--entryPoints.websecure.http.aliasHeadersStrategy=delete",
    "--providers.kubernetescrd.safeNaming=true",
    "--providers.kubernetescrd.defaultTLSResourcesNamespace=traefik",
];

/// The chart's flags for values that are not served yet, with the expected warnings.
const UNSERVED: &[(&str, &str)] = &[
    ("--metrics.datadog=true", "metrics.datadog"),
    ("--metrics.datadog.address=127.0.0.1:8125", ""),
    ("--metrics.influxdb2=true", "metrics.influxdb2"),
    ("--metrics.influxdb2.token=t0ken", ""),
    ("--metrics.statsd=true", "metrics.statsd"),
    ("--metrics.otlp=true", "metrics.otlp"),
    ("--metrics.otlp.http.endpoint=http://otel:4318/v1/metrics", ""),
    ("--ocsp=true", "ocsp"),
    ("--tracing.addinternals", "tracing"),
    ("--tracing.sampleRate=0.5", ""),
    ("--tracing.resourceAttributes.service.namespace=shop", ""),
    ("--tracing.otlp.grpc.insecure=true", ""),
    ("--experimental.fastProxy", "experimental"),
    ("--experimental.plugins.demo.moduleName=github.com/traefik/plugindemo", ""),
    ("--experimental.localPlugins.demo.settings.useUnsafe=true", ""),
    ("--experimental.abortonpluginfailure=true", ""),
    ("--experimental.kubernetesgateway", ""),
    ("--providers.kubernetesgateway", "providers.kubernetesgateway"),
    ("--providers.kubernetesgateway.statusaddress.service.name=traefik", ""),
    ("--providers.kubernetesingressnginx", "providers.kubernetesingressnginx"),
    ("--providers.kubernetesingressnginx.watchnamespace=default", ""),
    ("--providers.knative", "providers.knative"),
    ("--providers.file.directory=/etc/traefik/dynamic", ""),
    ("--providers.file.watch=true", ""),
    ("--entryPoints.websecure.http3", "entryPoints.websecure.http3"),
    ("--entryPoints.websecure.http3.advertisedPort=443", ""),
    ("--log.otlp=true", "log.otlp"),
    ("--accesslog.otlp.http=true", "accesslog.otlp"),
    ("--certificatesresolvers.le.acme.dnschallenge.provider=route53", "certificatesresolvers.le.acme.dnschallenge"),
    ("--hub.token=$(HUB_TOKEN)", "hub"),
    ("--hub.apimanagement", ""),
    ("--hub.apimanagement.admission.listenAddr=:9943", ""),
    ("--hub.aigateway.maxRequestBodySize=1048576", ""),
    ("--hub.redis.endpoints=redis:6379", ""),
    ("--hub.pluginregistry.sources.demo.github.token=t0ken", ""),
];

#[test]
fn a_plain_install() {
    let (settings, warnings) = run(started(PLAIN));
    assert!(warnings.is_empty(), "{warnings:?}");
    let addresses: Vec<_> = settings.entry_points.iter().map(|(name, entry)| (name.as_str(), &entry.address)).collect();
    let [metrics, traefik, web, websecure] = [9100, 8080, 8000, 8443].map(Address::any);
    assert_eq!(addresses, [("metrics", &metrics), ("traefik", &traefik), ("web", &web), ("websecure", &websecure)]);
    assert_eq!(settings.entry_points["websecure"].http.tls, Some(Default::default()));
    assert_eq!(settings.metrics.prometheus.unwrap().entry_point, "metrics");
    assert!(settings.providers.kubernetes_crd.unwrap().provider.options.allow_empty_services);
    let ingress = settings.providers.kubernetes_ingress.unwrap();
    assert_eq!(ingress.provider.options.ingress_endpoint.published_service, "traefik/traefik");
    assert_eq!((settings.ping.unwrap().entry_point.as_str(), settings.log.level), ("traefik", LogLevel::Info));
}

#[test]
fn every_value_that_is_served() {
    let (settings, warnings) = run(started(&[PLAIN, SERVED].concat()));
    assert!(warnings.is_empty(), "{warnings:?}");
    let web = &settings.entry_points["web"];
    let redirect = web.http.redirections.entry_point.as_ref().unwrap();
    assert_eq!((&redirect.to, redirect.priority), (&RedirectTarget::Port(443), 10));
    assert_eq!(web.proxy_protocol.as_ref().unwrap().trusted.len(), 1);
    assert!(!web.observability.as_ref().unwrap().access_logs);
    let websecure = &settings.entry_points["websecure"];
    assert_eq!(websecure.http.middlewares.len(), 2);
    assert_eq!(websecure.transport.responding_timeouts.read_timeout, Duration::from_secs(300));
    assert_eq!(websecure.transport.life_cycle.request_accept_grace_timeout, Duration::from_secs(15));
    let crd = settings.providers.kubernetes_crd.unwrap().provider;
    assert_eq!((crd.namespaces.len(), crd.label_selector.as_str()), (2, "app=traefik,tier in (a,b)"));
    assert!(settings.servers_transport.insecure_skip_verify);
    let challenge = settings.certificates_resolvers["le"].acme.as_ref().unwrap().http_challenge.as_ref().unwrap();
    assert_eq!(challenge.entry_point.as_deref(), Some("web"));
}

#[test]
fn every_value_that_is_not_served_yet_is_a_warning() {
    let unserved: Vec<_> = UNSERVED.iter().map(|(flag, _)| *flag).collect();
    let (settings, warnings) = run(started(&[PLAIN, SERVED, &unserved].concat()));
    let mut warned: Vec<_> =
        warnings.iter().map(|warning| warning.to_string().split(' ').next().unwrap().to_owned()).collect();
    let mut expected: Vec<_> = UNSERVED.iter().map(|(_, option)| *option).filter(|option| !option.is_empty()).collect();
    warned.sort_unstable();
    expected.sort_unstable();
    assert_eq!(warned, expected);
    assert_eq!(settings.entry_points.len(), 4);
    let said = format!("{warnings:?}{settings:?}");
    assert!(!said.contains("t0ken"), "values of flags are not repeated");
}
