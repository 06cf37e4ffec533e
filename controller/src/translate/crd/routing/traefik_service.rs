use super::fragment::{Fragment, Origin};
use super::load_balancer::{Unbuilt, sticky};
use super::services::Services;
use crate::crd::TraefikServiceSpec;
use crate::crd::service::{LoadBalancerSpec, Sticky};
use crate::crd::traefik_service::{Failover, Mirroring};
use crate::translate::crd::{choose, naming};
use crate::translate::options::CrdOptions;
use crate::view::{Custom, View};
use flow_model::config::{self, HighestRandomWeight, Mirror, Service, ServiceKind, Weighted, WeightedService};
use flow_model::name::Name;
use std::sync::Arc;

/// The reason why a TraefikService is not served.
#[derive(Debug, thiserror::Error)]
enum Invalid {
    #[error("none of weighted, mirroring, highestRandomWeight and failover is set")]
    NoKind,
    #[error("an object is one service, and {0} are set: write one object for each")]
    Kinds(String),
    #[error("{0}: {1}")]
    Part(&'static str, Unbuilt),
}

/// Translates a TraefikService: its service, and those of the Services that it names.
pub(super) fn translate(
    objects: [Option<&Arc<Custom<TraefikServiceSpec>>>; 2],
    view: &View,
    options: &CrdOptions,
) -> Option<Fragment> {
    let mut diagnostics = Vec::new();
    let object = choose(objects, "TraefikService", &mut diagnostics)?;
    let mut fragment = Fragment::new(Origin::TraefikService, object.created, &object.key, diagnostics);
    let spec = match &object.spec {
        Ok(spec) => spec,
        Err(error) => {
            fragment.error(error.clone());
            return Some(fragment);
        }
    };
    let name = naming::object(&object.key.namespace, &object.key.name, options);
    let mut services = Services::new(view, options, &object.key.namespace, &mut fragment.reads);
    let kind = kind(spec, &name, &mut services);
    let (made, warnings) = (services.made, services.warnings);
    match kind {
        Ok(kind) => {
            fragment.add_services(made);
            fragment.add_services(vec![(name, Service { kind, middlewares: Vec::new() })]);
        }
        Err(error) => fragment.error(error.to_string()),
    }
    warnings.into_iter().for_each(|warning| fragment.warning(warning));
    Some(fragment)
}

fn kind(spec: &TraefikServiceSpec, name: &str, services: &mut Services<'_>) -> Result<ServiceKind, Invalid> {
    let kinds = [
        ("weighted", spec.weighted.is_some()),
        ("mirroring", spec.mirroring.is_some()),
        ("highestRandomWeight", spec.highest_random_weight.is_some()),
        ("failover", spec.failover.is_some()),
    ];
    let kinds: Vec<_> = kinds.into_iter().filter_map(|(kind, set)| set.then_some(kind)).collect();
    if kinds.len() > 1 {
        return Err(Invalid::Kinds(kinds.join(", ")));
    }
    if let Some(spec) = &spec.weighted {
        return weighted(&spec.services, spec.sticky.as_ref(), &format!("{name}_wrr"), services)
            .map_err(|error| Invalid::Part("weighted", error));
    }
    if let Some(spec) = &spec.highest_random_weight {
        let services = parts(&spec.services, &format!("{name}_hrw"), services);
        let services = services.map_err(|error| Invalid::Part("highestRandomWeight", error))?;
        return Ok(ServiceKind::HighestRandomWeight(HighestRandomWeight { services, health_check: None }));
    }
    if let Some(spec) = &spec.mirroring {
        return mirroring(spec, name, services).map_err(|error| Invalid::Part("mirroring", error));
    }
    if let Some(spec) = &spec.failover {
        return failover(spec, name, services).map_err(|error| Invalid::Part("failover", error));
    }
    Err(Invalid::NoKind)
}

/// Returns a weighted service, whose parts are named after `prefix`.
pub(super) fn weighted(
    all: &[LoadBalancerSpec],
    spec: Option<&Sticky>,
    prefix: &str,
    services: &mut Services<'_>,
) -> Result<ServiceKind, Unbuilt> {
    let services = parts(all, prefix, services)?;
    Ok(ServiceKind::Weighted(Weighted { services, sticky: spec.and_then(sticky).map(Box::new), health_check: None }))
}

fn parts(all: &[LoadBalancerSpec], prefix: &str, services: &mut Services<'_>) -> Result<Vec<WeightedService>, Unbuilt> {
    let part = |(index, spec): (usize, &LoadBalancerSpec)| {
        let name = services.part(spec, prefix, &index.to_string())?;
        Ok(WeightedService { name, weight: Some(spec.weight.unwrap_or(1)) })
    };
    all.iter().enumerate().map(part).collect()
}

fn mirroring(spec: &Mirroring, name: &str, services: &mut Services<'_>) -> Result<ServiceKind, Unbuilt> {
    let service = services.part(&spec.service, name, "mirroring")?;
    let mirror = |(index, mirror): (usize, &crate::crd::traefik_service::Mirror)| {
        let name = services.part(&mirror.service, name, &format!("mirror_{index}"))?;
        Ok::<_, Unbuilt>(Mirror { name, percent: mirror.percent.into() })
    };
    let mirrors = spec.mirrors.iter().enumerate().map(mirror).collect::<Result<_, _>>()?;
    Ok(ServiceKind::Mirroring(config::Mirroring {
        service,
        mirror_body: spec.mirror_body,
        max_body_size: spec.max_body_size,
        mirrors,
        health_check: None,
    }))
}

fn failover(spec: &Failover, name: &str, services: &mut Services<'_>) -> Result<ServiceKind, Unbuilt> {
    let service = services.part(&spec.service, name, "failover")?;
    let fallback: Name = services.part(&spec.fallback, name, "fallback")?;
    let errors = spec.errors.as_ref().map(|errors| config::FailoverErrors {
        status: errors.status.clone(),
        max_request_body_bytes: errors.max_request_body_bytes,
    });
    Ok(ServiceKind::Failover(config::Failover { service, fallback, health_check: None, errors }))
}
