//! The translation of one Ingress.

use super::backend::BackendKey;
use super::backends::Backends;
use super::foreign;
use super::router_options::RouterOptions;
use super::rule::{Syntax, rule};
use crate::translate::claims::Owner;
use crate::translate::options::{IngressOptions, may_cross_providers};
use crate::view::ingress::{Backend, Path, PathType};
use crate::view::{Ingress, ObjectKey, View};
use flow_model::config::{IngressMetadata, Metadata, Router, RouterObservability, RuleSyntax, Service};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::{Name, normalize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// The router of the default backend.
pub(super) const DEFAULT_ROUTER: &str = "default-router";
/// The service of the default backend.
pub(super) const DEFAULT_BACKEND: &str = "default-backend";

/// A backend, and its service if it can be served.
type DefaultBackend = (BackendKey, Option<Arc<Service>>);

/// The result of one Ingress, and the objects that it reads.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) owner: Owner,
    pub(super) routers: Vec<(Name, Arc<Router>)>,
    /// Backends that its rules use.
    pub(super) backends: Vec<BackendKey>,
    /// The default backend that it sets; few Ingresses do.
    pub(super) default: Option<Box<DefaultBackend>>,
    pub(super) secrets: Box<[ObjectKey]>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Fragment {
    pub(super) fn new(ingress: &Ingress) -> Self {
        Self {
            owner: Owner::new(ingress.created, "Ingress", ingress.key.clone()),
            routers: Vec::new(),
            backends: Vec::new(),
            default: None,
            secrets: Box::default(),
            diagnostics: Vec::new(),
        }
    }

    /// Translates an Ingress that is served here.
    pub(super) fn translate(ingress: &Ingress, view: &View, options: &IngressOptions, backends: &mut Backends) -> Self {
        let mut fragment = Self::new(ingress);
        for finding in foreign::of_ingress(&ingress.annotations) {
            fragment.warning(finding);
        }
        let routing = match RouterOptions::read(&ingress.annotations) {
            Ok(routing) => routing,
            Err(error) => {
                fragment.error(error.to_string());
                return fragment;
            }
        };
        if !may_cross_providers(options.cross_provider_namespaces.as_deref(), &ingress.key.namespace) {
            let tls_options = routing.tls.as_ref().is_some_and(|tls| !tls.options.is_empty());
            if !routing.middlewares.is_empty() || tls_options {
                fragment.error("it refers to middlewares or TLS options, which crossProviderNamespaces does not allow in its namespace".to_owned());
                return fragment;
            }
        }
        for warning in &routing.warnings {
            fragment.warning(warning.clone());
        }
        let mut secrets: Vec<_> = ingress.tls_secrets.iter().map(|name| ingress.key.sibling(name)).collect();
        secrets.sort_unstable();
        secrets.dedup();
        fragment.secrets = secrets.into_boxed_slice();
        if ingress.rules.is_empty() {
            fragment.add_default(ingress, &routing, view, options, backends);
        } else if ingress.default_backend.is_some() {
            fragment.warning("spec.defaultBackend is ignored where there are rules".to_owned());
        }
        fragment.add_rules(ingress, &routing, view, options, backends);
        // There is one fragment for each Ingress: no spare capacity is held.
        fragment.routers.shrink_to_fit();
        fragment.backends.shrink_to_fit();
        fragment
    }

    fn add_default(
        &mut self,
        ingress: &Ingress,
        routing: &RouterOptions,
        view: &View,
        options: &IngressOptions,
        backends: &mut Backends,
    ) {
        let Some(backend) = &ingress.default_backend else { return };
        let key = match backend_key(ingress, backend) {
            Ok(key) => key,
            Err(message) => return self.error(format!("spec.defaultBackend: {message}")),
        };
        let (_, outcome) = backends.outcome(&key, view, options);
        self.report_service(&key, backends);
        match outcome {
            Ok(service) => {
                let mut router = router(ingress, routing, &key, DEFAULT_BACKEND.into());
                router.rule = "PathPrefix(\"/\")".to_owned();
                router.rule_syntax = Some(RuleSyntax::Default);
                router.priority = i64::from(i32::MIN);
                self.routers.push((DEFAULT_ROUTER.into(), Arc::new(router)));
                self.default = Some(Box::new((key, Some(service))));
            }
            Err(error) => {
                self.error(format!("spec.defaultBackend: {error}"));
                self.default = Some(Box::new((key, None)));
            }
        }
    }

    fn add_rules(
        &mut self,
        ingress: &Ingress,
        routing: &RouterOptions,
        view: &View,
        options: &IngressOptions,
        backends: &mut Backends,
    ) {
        let v2 = match routing.rule_syntax {
            None => options.default_rule_syntax_v2,
            Some(syntax) => syntax == RuleSyntax::V2,
        };
        let syntax = Syntax { v2, strict_prefix: options.strict_prefix_matching };
        let mut made: Vec<(String, Router)> = Vec::new();
        for (host, path) in ingress.rules.iter().flat_map(|rule| rule.paths.iter().map(|path| (&*rule.host, path))) {
            let key = match backend_key(ingress, &path.backend) {
                Ok(key) => key,
                Err(message) => {
                    self.error(format!("{}: {message}", place(host, path)));
                    continue;
                }
            };
            let (service, outcome) = backends.outcome(&key, view, options);
            let has_lost = backends.has_lost_its_name(&key);
            self.report_service(&key, backends);
            self.backends.push(key.clone());
            if let Err(error) = outcome {
                self.error(format!("{}: {error}", place(host, path)));
                continue;
            }
            if has_lost {
                self.error(format!("{}: the name {service} of its backend is that of another", place(host, path)));
                continue;
            }
            match rule(syntax, host, &path.path, path.kind, &routing.path_matcher) {
                Ok((rule, path_order)) => {
                    let mut router = router(ingress, routing, &key, service);
                    router.rule = rule;
                    router.path = path_order;
                    router.rule_syntax = routing.rule_syntax;
                    router.priority = routing.priority;
                    let name = format!("{}-{}-{host}{}", ingress.key.namespace, ingress.key.name, path.path);
                    made.push((normalize(&name), router));
                }
                Err(error) => self.error(format!("{}: {error}", place(host, path))),
            }
        }
        self.backends.sort_unstable();
        self.backends.dedup();
        self.report_paths(ingress, routing, v2);
        self.name(made);
    }

    /// Reports hosts and paths that do not have the effect that they seem to have.
    fn report_paths(&mut self, ingress: &Ingress, routing: &RouterOptions, v2: bool) {
        let all = || ingress.rules.iter().flat_map(|rule| rule.paths.iter().map(|path| (&*rule.host, path)));
        let is_free = |path: &Path| path.kind == PathType::ImplementationSpecific && !path.path.is_empty();
        if !routing.path_matcher.is_empty() && !all().any(|(_, path)| is_free(path)) {
            let message = "annotation traefik.ingress.kubernetes.io/router.pathmatcher has no effect: it is for paths of the type ImplementationSpecific";
            self.warning(message.to_owned());
        }
        if v2 {
            return;
        }
        for (host, path) in all() {
            let is_pattern = is_free(path) && routing.path_matcher == "PathRegexp";
            if has_variable(host) || (has_variable(&path.path) && !is_pattern) {
                self.warning(format!(
                    "{}: braces stand for themselves in version 3 of rules; for a pattern of version 2 write the annotation traefik.ingress.kubernetes.io/router.rulesyntax: v2 (or the option core.defaultRuleSyntax), else router.pathmatcher: PathRegexp",
                    place(host, path)
                ));
            }
        }
    }

    /// Names the routers of one Ingress: those that would have the same name all get a part of their rule's hash.
    fn name(&mut self, made: Vec<(String, Router)>) {
        let mut counts = hashbrown::HashMap::<&str, usize, foldhash::fast::RandomState>::default();
        for (name, _) in &made {
            *counts.entry(name).or_default() += 1;
        }
        let unique: Vec<bool> = made.iter().map(|(name, _)| counts.get(name.as_str()) == Some(&1)).collect();
        drop(counts);
        for ((mut name, router), unique) in made.into_iter().zip(unique) {
            if !unique {
                name.push('-');
                for byte in Sha256::digest(router.rule.as_bytes()).iter().take(10) {
                    // Writing to a String cannot fail.
                    let _ = write!(name, "{byte:02x}");
                }
            }
            let name = Name::from(name);
            if let Some(twin) = self.routers.iter_mut().find(|(other, _)| !unique && *other == name) {
                let rule = &twin.1.rule;
                let message = format!("the rule {rule} is given twice: the last one is used");
                twin.1 = Arc::new(router);
                self.warning(message);
            } else {
                self.routers.push((name, Arc::new(router)));
            }
        }
    }

    /// Reports the findings about a backend's Service, once for all of its ports.
    fn report_service(&mut self, key: &BackendKey, backends: &Backends) {
        for finding in backends.findings(key) {
            let diagnostic = Diagnostic::warning(key.service.subject("Service"), finding.clone());
            if !self.diagnostics.contains(&diagnostic) {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn error(&mut self, message: String) {
        self.diagnostics.push(Diagnostic::error(self.owner.key.subject("Ingress"), message));
    }

    fn warning(&mut self, message: String) {
        self.diagnostics.push(Diagnostic::warning(self.owner.key.subject("Ingress"), message));
    }
}

fn backend_key(ingress: &Ingress, backend: &Backend) -> Result<BackendKey, &'static str> {
    match backend {
        Backend::Missing => Err("the backend names no Service"),
        Backend::Resource => Err("backends that are no Services are not served"),
        Backend::Service { name, port } => Ok(BackendKey { service: ingress.key.sibling(name), port: port.clone() }),
    }
}

/// True if a text has a variable in version 2 of rules: `{name}` or `{name:pattern}`.
fn has_variable(text: &str) -> bool {
    let inner = text.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    inner.is_some_and(|(inner, _)| inner.starts_with(|first: char| first.is_ascii_alphabetic()))
}

fn place(host: &str, path: &Path) -> String {
    match (host, &*path.path) {
        ("", "") => "a rule for all hosts and paths".to_owned(),
        ("", path) => format!("path {path}"),
        (host, "") => format!("host {host}"),
        (host, path) => format!("host {host} path {path}"),
    }
}

/// Returns a router without its rule.
fn router(ingress: &Ingress, routing: &RouterOptions, backend: &BackendKey, service: Name) -> Router {
    let metadata = Arc::new(IngressMetadata {
        namespace: ingress.key.namespace.clone(),
        ingress_name: ingress.key.name.clone(),
        service_name: backend.service.name.clone(),
        service_port: backend.port.to_string().into(),
    });
    let mut observability =
        RouterObservability { metadata: Some(Metadata { ingress: Some(metadata) }), ..RouterObservability::default() };
    if let Some(wanted) = &routing.observability {
        observability.access_logs = wanted.access_logs;
        observability.metrics = wanted.metrics;
        observability.tracing = wanted.tracing;
        observability.trace_verbosity = Some(wanted.trace_verbosity);
    }
    Router {
        entry_points: routing.entry_points.clone(),
        middlewares: routing.middlewares.clone(),
        service,
        tls: routing.tls.clone().map(Box::new),
        observability: Some(observability),
        created: ingress.created,
        ..Router::default()
    }
}
