use super::{error_page, ingress_route, traefik_service};
use crate::translate::claims::Owner;
use crate::translate::options::CrdOptions;
use crate::view::{ObjectKey, View};
use flow_model::config::{Router, Service};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::Name;
use std::sync::Arc;

/// The kind of object that routers and services are made of.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Origin {
    /// A Middleware with error pages, for their service.
    ErrorPage,
    IngressRoute,
    TraefikService,
}

impl Origin {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::ErrorPage => "Middleware",
            Self::IngressRoute => "IngressRoute",
            Self::TraefikService => "TraefikService",
        }
    }
}

/// One object.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Id {
    pub(super) origin: Origin,
    pub(super) key: ObjectKey,
}

impl Id {
    pub(super) const fn new(origin: Origin, key: ObjectKey) -> Self {
        Self { origin, key }
    }

    /// Translates the object, if it exists and is served here.
    pub(super) fn translate(&self, view: &View, options: &CrdOptions) -> Option<Fragment> {
        match self.origin {
            Origin::ErrorPage => error_page::translate(view.custom(&self.key), view, options),
            Origin::IngressRoute => ingress_route::translate(view.custom(&self.key), view, options),
            Origin::TraefikService => traefik_service::translate(view.custom(&self.key), view, options),
        }
    }
}

/// The objects that a translation reads, besides Secrets; in order and each once, once [`Reads::sort`] has run.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) services: Vec<ObjectKey>,
    /// The IngressRoutes above it.
    pub(super) parents: Vec<ObjectKey>,
    /// True if it reads the Nodes.
    pub(super) nodes: bool,
}

impl Reads {
    /// Puts the lists in order, without spare room.
    pub(super) fn sort(&mut self) {
        for list in [&mut self.services, &mut self.parents] {
            list.sort_unstable();
            list.dedup();
            list.shrink_to_fit();
        }
    }
}

/// The result of one object.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) owner: Owner,
    pub(super) routers: Vec<(Name, Arc<Router>)>,
    pub(super) services: Vec<(Name, Arc<Service>)>,
    /// The Secret with its certificate.
    pub(super) secret: Option<ObjectKey>,
    /// The service of its error pages, or the reason why there is none.
    pub(super) error_page: Option<Result<Name, String>>,
    pub(super) reads: Reads,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Fragment {
    pub(super) fn new(origin: Origin, created: i64, key: &ObjectKey, diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            owner: Owner::new(created, origin.kind(), key.clone()),
            routers: Vec::new(),
            services: Vec::new(),
            secret: None,
            error_page: None,
            reads: Reads::default(),
            diagnostics,
        }
    }

    pub(super) fn error(&mut self, message: String) {
        self.diagnostics.push(Diagnostic::error(self.owner.key.subject(self.owner.kind), message));
    }

    pub(super) fn warning(&mut self, message: String) {
        let warning = Diagnostic::warning(self.owner.key.subject(self.owner.kind), message);
        if !self.diagnostics.contains(&warning) {
            self.diagnostics.push(warning);
        }
    }

    /// Adds services. Of two with one name and different settings the last one is used, as in Traefik.
    pub(super) fn add_services(&mut self, services: Vec<(Name, Service)>) {
        for (name, service) in services {
            match self.services.iter_mut().find(|(other, _)| *other == name) {
                None => self.services.push((name, Arc::new(service))),
                Some((_, known)) if **known == service => {}
                Some((_, known)) => {
                    *known = Arc::new(service);
                    self.warning(format!(
                        "the service {name} is given twice with different settings: the last ones are used; safeNaming gives each its own"
                    ));
                }
            }
        }
    }
}
