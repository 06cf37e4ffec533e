//! Routers below another one: a request that took the router above is routed again, after its middlewares.

use super::pipeline::{InnerRouters, Pipeline};
use super::record::InnerRouter;
use crate::router::{RequestView, RouteTable};
use std::sync::Arc;

/// The target of a router below another one.
#[derive(Debug)]
pub(crate) struct InnerTarget {
    /// Its labels.
    pub(crate) labels: Arc<InnerRouter>,
    pub(crate) pipeline: Pipeline,
}

/// The routers below another one.
#[derive(Debug)]
pub(crate) struct Below(pub(crate) RouteTable<InnerTarget>);

impl InnerRouters for Below {
    fn find(&self, request: &RequestView<'_>) -> Option<(&Arc<InnerRouter>, &Pipeline)> {
        let target = &self.0.find(request)?.target;
        Some((&target.labels, &target.pipeline))
    }
}
