//! The search for Ingresses whose status lacks the current addresses.

use crate::status::{Plan, StatusPatch, load_balancer};
use crate::translate::status::{addresses, is_current, published_service};
use crate::translate::{IngressOptions, Translator};
use crate::view::ingress::Address;
use crate::view::{Keys, Kind, ObjectKey, View};
use flow_model::diagnostic::{Diagnostic, Subject};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The planner of statuses: finds the Ingresses whose status is to be written.
pub(super) struct StatusPlanner {
    /// The options; `None` if nothing is published.
    options: Option<IngressOptions>,
    published: Option<ObjectKey>,
    plans: mpsc::UnboundedSender<Plan>,
    /// The addresses of the last plan, and the patch that writes them.
    planned: Option<(Vec<Address>, Arc<Value>)>,
    /// Ingresses that changed since.
    touched: Keys,
    /// True if all must be checked.
    all: bool,
}

impl StatusPlanner {
    pub(super) fn new(options: Option<IngressOptions>, plans: mpsc::UnboundedSender<Plan>) -> Self {
        let options = options.filter(|options| !options.ingress_endpoint.is_empty());
        let published = options.as_ref().and_then(published_service);
        Self { options, published, plans, planned: None, touched: Keys::default(), all: true }
    }

    /// Has all checked again: the statuses planned before may not have been written.
    pub(super) const fn invalidate(&mut self) {
        self.all = true;
    }

    /// Notes the changes that are about to be translated.
    pub(super) fn notice(&mut self, view: &View) {
        if self.options.is_none() {
            return;
        }
        let dirty = view.dirty();
        self.all |= !dirty.nodes.is_empty()
            || !dirty.ingress_classes.is_empty()
            || self.published.as_ref().is_some_and(|key| dirty.services.contains(key));
        self.touched.extend(dirty.ingresses.iter().cloned());
    }

    /// Returns the reason why there is no address to publish.
    pub(super) fn problem(&self, view: &View) -> Option<Diagnostic> {
        let error = addresses(view, self.options.as_ref()?).err()?;
        let subject = Subject::new("Provider", "", "kubernetesIngress");
        Some(Diagnostic::warning(subject, format!("No Ingress gets an address: {error}")))
    }

    /// Plans the changed Ingresses whose status is not current.
    pub(super) fn plan(&mut self, view: &View, translator: &Translator, version: u64) {
        let Some(options) = &self.options else { return };
        if !self.all && self.touched.is_empty() {
            return;
        }
        let Ok(Some(wanted)) = addresses(view, options) else { return };
        let (all, touched) = (std::mem::take(&mut self.all), std::mem::take(&mut self.touched));
        let same = self.planned.as_ref().filter(|(planned, _)| *planned == wanted).map(|(_, body)| Arc::clone(body));
        let all = all || same.is_none();
        let body = same.unwrap_or_else(|| Arc::new(load_balancer::patch(&wanted)));
        let outdated = |key: &&ObjectKey| view.ingress(key).is_some_and(|i| !is_current(&i.addresses, &wanted));
        let patch = |key: &ObjectKey| StatusPatch {
            kind: Kind::Ingress,
            key: key.clone(),
            generation: version,
            body: Arc::clone(&body),
        };
        let plan = if all {
            Plan::Only(Kind::Ingress, translator.selected().filter(outdated).map(patch).collect())
        } else {
            let touched = touched.iter().filter(|key| translator.is_selected(key));
            Plan::More(touched.filter(outdated).map(patch).collect())
        };
        self.planned = Some((wanted, body));
        if !matches!(&plan, Plan::More(patches) if patches.is_empty()) {
            // The writer is gone only while everything ends.
            let _ = self.plans.send(plan);
        }
    }
}
