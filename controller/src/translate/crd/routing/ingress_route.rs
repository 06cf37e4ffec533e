use super::fragment::{Fragment, Origin};
use super::load_balancer::Unbuilt;
use super::services::Services;
use super::traefik_service::weighted;
use crate::crd::IngressRouteSpec;
use crate::crd::ingress_route::{Observability, Route, Tls};
use crate::translate::crd::reference::{self, Refused};
use crate::translate::crd::{choose, naming};
use crate::translate::options::CrdOptions;
use crate::translate::rule_syntax::rule_syntax;
use crate::view::{Custom, ObjectKey, View};
use flow_model::config::{Domain, Router, RouterObservability, RouterTls, Service};
use flow_model::name::Name;
use std::sync::Arc;

/// The class of IngressRoutes that are served if no option names another.
const DEFAULT_CLASS: &str = "traefik";

/// The reason why a route is not served.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    #[error("the rule is empty")]
    NoRule,
    #[error("middlewares: {0}")]
    Middlewares(Refused),
    #[error("services: {0}")]
    Services(Unbuilt),
    #[error("spec.tls.options: {0}")]
    TlsOptions(Refused),
}

/// Translates an IngressRoute: its routers, and the services of the Services that they name.
pub(super) fn translate(
    objects: [Option<&Arc<Custom<IngressRouteSpec>>>; 2],
    view: &View,
    options: &CrdOptions,
) -> Option<Fragment> {
    let mut diagnostics = Vec::new();
    let object = choose(objects, "IngressRoute", &mut diagnostics)?;
    let class = object.spec.as_ref().ok().and_then(|spec| spec.ingress_class_name.as_deref());
    if !is_ours(class.unwrap_or(&object.class), options) {
        return None;
    }
    let mut fragment = Fragment::new(Origin::IngressRoute, object.created, &object.key, diagnostics);
    let spec = match &object.spec {
        Ok(spec) => spec,
        Err(error) => {
            fragment.error(error.clone());
            return Some(fragment);
        }
    };
    if class.is_none() && !object.class.is_empty() {
        fragment.warning(
            "the annotation kubernetes.io/ingress.class is deprecated here: write spec.ingressClassName".to_owned(),
        );
    }
    let parents = match parents(spec, &object.key, view, options, &mut fragment) {
        Ok(parents) => parents,
        Err(error) => {
            fragment.error(format!("spec.parentRefs: {error}"));
            return Some(fragment);
        }
    };
    let tls = spec.tls.as_deref();
    if tls.is_some_and(|tls| tls.store.is_some()) {
        fragment.warning("spec.tls.store has no effect: there is one store, the TLSStore named default".to_owned());
    }
    fragment.secret = tls.filter(|tls| !tls.secret_name.is_empty()).map(|tls| object.key.sibling(&tls.secret_name));
    for (index, route) in spec.routes.iter().enumerate() {
        if let Err(error) = add(&mut fragment, object, spec, (index, route, &parents), view, options) {
            fragment.error(format!("spec.routes[{index}]: {error}"));
        }
    }
    Some(fragment)
}

/// True if an IngressRoute of this class is served here. Unlike an Ingress', it needs no IngressClass.
fn is_ours(class: &str, options: &CrdOptions) -> bool {
    let wanted = options.ingress_class.as_str();
    class == wanted || (wanted.is_empty() && class == DEFAULT_CLASS)
}

/// Returns the names of the routers of the IngressRoutes above one.
fn parents(
    spec: &IngressRouteSpec,
    route: &ObjectKey,
    view: &View,
    options: &CrdOptions,
    fragment: &mut Fragment,
) -> Result<Vec<Name>, NoParent> {
    let mut names = Vec::new();
    for parent in &spec.parent_refs {
        let namespace = reference::namespace_of(&parent.name, &parent.namespace, &route.namespace, options)?;
        let key = ObjectKey::new(namespace, &parent.name);
        fragment.reads.parents.push(key.clone());
        let found: [Option<&Arc<Custom<IngressRouteSpec>>>; 2] = view.custom(&key);
        let found = found.into_iter().flatten().next().ok_or_else(|| NoParent::Missing(key.clone()))?;
        let routes = found.spec.iter().flat_map(|spec| spec.routes.iter().enumerate());
        names.extend(
            routes
                .filter(|(_, route)| !route.rule.is_empty())
                .map(|(index, route)| naming::router(&key, index, &route.rule, options)),
        );
    }
    Ok(names)
}

/// The reason why an IngressRoute cannot be below another one.
#[derive(Debug, thiserror::Error)]
enum NoParent {
    #[error("IngressRoute {0} does not exist")]
    Missing(ObjectKey),
    #[error(transparent)]
    Reference(#[from] Refused),
}

fn add(
    fragment: &mut Fragment,
    object: &Custom<IngressRouteSpec>,
    spec: &IngressRouteSpec,
    (index, route, parents): (usize, &Route, &[Name]),
    view: &View,
    options: &CrdOptions,
) -> Result<(), Unserved> {
    if route.rule.is_empty() {
        return Err(Unserved::NoRule);
    }
    let namespace = &object.key.namespace;
    let middlewares = reference::middlewares(&route.middlewares, namespace, options).map_err(Unserved::Middlewares)?;
    let name = naming::router(&object.key, index, &route.rule, options);
    let mut services = Services::new(view, options, namespace, &mut fragment.reads);
    services.native_by_default = options.native_lb_by_default;
    let service = service(route, &name, &mut services);
    let (made, warnings) = (services.made, services.warnings);
    warnings.into_iter().for_each(|warning| fragment.warning(warning));
    let service = service.map_err(Unserved::Services)?;
    let tls = spec.tls.as_deref().map(|spec| tls(spec, &object.key, options)).transpose();
    let tls = tls.map_err(Unserved::TlsOptions)?;
    let rule_syntax = rule_syntax(&route.syntax, |warning| fragment.warning(warning));
    fragment.add_services(made);
    let router = Router {
        entry_points: spec.entry_points.iter().map(|name| name.as_str().into()).collect(),
        middlewares,
        service,
        rule: route.rule.to_string(),
        rule_syntax,
        priority: route.priority,
        tls: tls.map(Box::new),
        observability: route.observability.as_ref().map(observability),
        parent_refs: parents.to_vec(),
        created: object.created,
        ..Router::default()
    };
    match fragment.routers.iter_mut().find(|(other, _)| *other == name) {
        None => fragment.routers.push((name, Arc::new(router))),
        Some((_, twin)) => {
            *twin = Arc::new(router);
            fragment.warning(format!("the rule {} is given twice: the last one is used", route.rule));
        }
    }
    Ok(())
}

/// Returns the name of the service of a route: none if it names none.
fn service(route: &Route, router: &Name, services: &mut Services<'_>) -> Result<Name, Unbuilt> {
    let options = services.options;
    match route.services.as_slice() {
        [] => Ok(Name::default()),
        [only] => services.only(only, &naming::only_service(router, options)),
        several => {
            let name = naming::weighted(router, options);
            let kind = weighted(several, None, &name, services)?;
            services.made.push((Name::clone(&name), Service { kind, middlewares: Vec::new() }));
            Ok(name)
        }
    }
}

fn tls(spec: &Tls, route: &ObjectKey, options: &CrdOptions) -> Result<RouterTls, Refused> {
    let named = spec.options.as_ref().filter(|named| !named.name.is_empty());
    let named = named.map(|named| reference::tls_options(&named.name, &named.namespace, &route.namespace, options));
    let domain =
        |domain: &crate::crd::tls_store::Domain| Domain { main: domain.main.clone(), sans: domain.sans.clone() };
    Ok(RouterTls {
        options: named.transpose()?.unwrap_or_default(),
        cert_resolver: (&*spec.cert_resolver).into(),
        domains: spec.domains.iter().map(domain).collect(),
    })
}

fn observability(spec: &Observability) -> RouterObservability {
    RouterObservability {
        access_logs: spec.access_logs,
        metrics: spec.metrics,
        tracing: spec.tracing,
        trace_verbosity: spec.trace_verbosity,
        metadata: None,
    }
}
