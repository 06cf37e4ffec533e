//! The API's lists of the objects of HTTP.

use super::Http;
use crate::compile::lookup::{Lookup, ObjectRef};
use crate::compile::protocol::Listing;
use flow_model::middleware::Middleware;
use flow_model::name::{INTERNAL, Name, provider};
use flow_model::runtime::{MiddlewareInfo, RouterInfo, Runtime, ServiceInfo, Status};
use std::sync::Arc;

impl Listing<Http> for Runtime {
    fn insert_router(&mut self, name: &Name, info: &Arc<RouterInfo>) {
        self.routers.insert(Arc::clone(name), Arc::clone(info));
        if info.resolving().is_some() {
            self.resolving.insert(Arc::clone(name), Arc::clone(info));
        } else {
            self.resolving.remove(name);
        }
    }

    fn remove_router(&mut self, name: &Name, info: &Arc<RouterInfo>) {
        if self.routers.get(name).is_some_and(|shown| Arc::ptr_eq(shown, info)) {
            self.routers.remove(name);
            self.resolving.remove(name);
        }
    }

    fn update_object(&mut self, object: ObjectRef, error: Option<&String>, lookup: Lookup<'_>) {
        match object {
            ObjectRef::Middleware(name) if provider(&name) != INTERNAL => {
                let is_there = |middleware: &&Arc<Middleware>| !matches!(***middleware, Middleware::Absent(_));
                let Some(middleware) = lookup.middleware(&name).filter(is_there).cloned() else {
                    self.middlewares.remove(&name);
                    return;
                };
                let (status, errors) = state(match &*middleware {
                    Middleware::Invalid(reason) => Some(reason),
                    _ => error,
                });
                self.middlewares.insert(name, Arc::new(MiddlewareInfo { middleware, status, errors }));
            }
            ObjectRef::Service(name) if provider(&name) != INTERNAL => {
                let Some(service) = lookup.service(&name).cloned() else {
                    self.services.remove(&name);
                    return;
                };
                let (status, errors) = state(error);
                self.services.insert(name, Arc::new(ServiceInfo { service, status, errors }));
            }
            _ => {}
        }
    }
}

fn state(error: Option<&String>) -> (Status, Vec<String>) {
    match error {
        None => (Status::Enabled, Vec::new()),
        Some(error) => (Status::Disabled, vec![error.clone()]),
    }
}
