//! Problems of a folder of manifests, found by reading, translating and compiling it once without serving it.

use super::certificates::{foreseen, wanted};
use super::prepare::Prepared;
use super::sources::manifests_options;
use super::state::State;
use super::{Refusal, compiler, own};
use crate::settings::Settings;
use flow_controller::provider::{Reading, read_manifests};
use flow_model::config::Router;
use flow_model::diagnostic::{Diagnostic, Severity, Subject};
use proxy::forward::Tunnels;
use std::fmt;
use std::sync::Arc;

/// A problem of a manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    /// `FILE:LINE`, if known.
    place: Option<String>,
    diagnostic: Diagnostic,
}

/// The number of objects that were read, and the findings about them.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Number of objects in the folder, of the kinds that are read.
    pub(crate) objects: usize,
    /// All problems, sorted by file and line.
    pub(crate) findings: Vec<Finding>,
}

/// Checks the folder of manifests; `None` if the settings name none.
///
/// # Errors
/// An option of the provider is invalid, or no runtime can be made.
pub(crate) fn findings(settings: &Settings, prepared: &Prepared) -> Result<Option<Findings>, Refusal> {
    let Some(folder) = &settings.providers.manifests else { return Ok(None) };
    let options = manifests_options(settings, folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Reading { update, places } = runtime.block_on(read_manifests(&options, foreseen(settings)));
    let state = State::new(prepared.metrics.clone());
    let mut compiler = compiler(settings, prepared, &state, runtime.handle(), &Tunnels::new());
    let all: Vec<_> =
        std::iter::once(own(settings, &prepared.entry_points)).chain(update.sources.iter().cloned()).collect();
    let compiled = compiler.compile(&all);
    let known = |name: &str| settings.certificates_resolvers.get(name).is_some_and(|known| known.acme.is_some());
    let mut diagnostics: Vec<Diagnostic> = update.diagnostics.to_vec();
    diagnostics.extend(wanted(&compiled.runtime, known).1);
    diagnostics.extend(compiled.runtime.diagnostics.iter().cloned());
    let routers = &compiled.runtime.routers;
    let finding = |found: Diagnostic| {
        let place = match found.subject.kind {
            // The name of a manifest that cannot be read is its file and line.
            MANIFEST => Some(&*found.subject.name),
            ROUTER => routers.get(&found.subject.name).and_then(|info| places.of(&ingress(&info.router)?)),
            _ => places.of(&found.subject),
        };
        Finding { place: place.map(|place| folder.directory.join(place).display().to_string()), diagnostic: found }
    };
    let mut findings: Vec<_> = diagnostics.into_iter().map(finding).collect();
    findings.sort_by(|a, b| (&a.place, &a.diagnostic).cmp(&(&b.place, &b.diagnostic)));
    findings.dedup();
    Ok(Some(Findings { objects: places.objects(), findings }))
}

impl Finding {
    /// True if something would not be served.
    pub(crate) fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

/// The kind of the subject of a finding about a file.
const MANIFEST: &str = "Manifest";
/// The kind of the subject of a finding about a router.
const ROUTER: &str = "router";

/// The Ingress that a router comes from.
fn ingress(router: &Router) -> Option<Subject> {
    let metadata = router.observability.as_ref()?.metadata.as_ref()?.ingress.as_ref()?;
    Some(Subject::new("Ingress", Arc::clone(&metadata.namespace), Arc::clone(&metadata.ingress_name)))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { severity, subject, message } = &self.diagnostic;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(if *severity == Severity::Error { "error: " } else { "warning: " })?;
        match (&*subject.namespace, &*subject.name) {
            _ if subject.kind == MANIFEST => {}
            ("", "") => write!(f, "{}: ", subject.kind)?,
            ("", name) => write!(f, "{} {name}: ", subject.kind)?,
            (namespace, name) => write!(f, "{} {namespace}/{name}: ", subject.kind)?,
        }
        f.write_str(message)
    }
}
