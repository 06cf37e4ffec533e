//! The services that an object refers to, and those that it makes.

use super::fragment::Reads;
use super::load_balancer::{self, Unbuilt};
use crate::crd::service::{LoadBalancerSpec, ServiceKind};
use crate::translate::crd::{naming, reference};
use crate::translate::options::CrdOptions;
use crate::view::{ObjectKey, View};
use flow_model::config::Service;
use flow_model::name::Name;

/// The making of the services of one object.
pub(super) struct Services<'a> {
    pub(super) view: &'a View,
    pub(super) options: &'a CrdOptions,
    /// The namespace of the object.
    pub(super) from: &'a str,
    /// True if a Service's own address is used where a reference does not say.
    pub(super) native_by_default: bool,
    pub(super) reads: &'a mut Reads,
    /// Those made so far.
    pub(super) made: Vec<(Name, Service)>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Services<'a> {
    pub(super) fn new(view: &'a View, options: &'a CrdOptions, from: &'a str, reads: &'a mut Reads) -> Self {
        Self { view, options, from, native_by_default: false, reads, made: Vec::new(), warnings: Vec::new() }
    }

    /// Returns the name of the service that a reference stands for. That of a Service is made, with the name `own`.
    pub(super) fn only(&mut self, spec: &LoadBalancerSpec, own: &Name) -> Result<Name, Unbuilt> {
        if spec.kind == ServiceKind::TraefikService {
            return self.traefik_service(spec);
        }
        let (_, service) = load_balancer::build(spec, self)?;
        self.made.push((Name::clone(own), service));
        Ok(Name::clone(own))
    }

    /// The same for a part of the service `whole`, of which `place` tells it from the others.
    pub(super) fn part(&mut self, spec: &LoadBalancerSpec, whole: &str, place: &str) -> Result<Name, Unbuilt> {
        if spec.kind == ServiceKind::TraefikService {
            return self.traefik_service(spec);
        }
        let ((key, port), service): ((ObjectKey, _), _) = load_balancer::build(spec, self)?;
        let name = naming::part(whole, place, &key, &port, self.options);
        self.made.push((Name::clone(&name), service));
        Ok(name)
    }

    fn traefik_service(&mut self, spec: &LoadBalancerSpec) -> Result<Name, Unbuilt> {
        if spec.name.contains('@') && !spec.namespace.is_empty() && !spec.name.ends_with("@kubernetescrd") {
            self.warnings.push(format!("namespace {} has no effect: {} names a provider", spec.namespace, spec.name));
        }
        Ok(reference::service(&spec.name, &spec.namespace, self.from, self.options)?)
    }
}
