//! Problems of a folder of manifests and of dynamic configuration files, found by reading, translating and compiling
//! them once without serving them.

use super::certificates::{foreseen, wanted};
use super::prepare::Prepared;
use super::sources::{file_options, manifests_options, wants_cluster};
use super::state::State;
use super::{Refusal, compiler, own};
use crate::settings::Settings;
use flow_controller::provider::{FilesReading, Places, Reading, read_files, read_manifests};
use flow_file::{Files, KIND as FILE};
use flow_model::config::Router;
use flow_model::diagnostic::{Diagnostic, Severity, Subject};
use proxy::forward::Tunnels;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A problem of a manifest or of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    /// `FILE:LINE`, if known.
    place: Option<String>,
    diagnostic: Diagnostic,
}

/// The number of objects that were read, and the findings about them.
#[derive(Debug)]
pub(crate) struct Findings {
    /// The name for what was read.
    pub(crate) what: &'static str,
    /// Number of objects in it, of the kinds that are read.
    pub(crate) objects: usize,
    /// All problems, sorted by file and line.
    pub(crate) findings: Vec<Finding>,
}

/// Checks the folder of manifests and the dynamic configuration files; `None` if the settings name neither.
///
/// # Errors
/// An option of the provider is invalid, or no runtime can be made.
pub(crate) fn findings(settings: &Settings, prepared: &Prepared) -> Result<Option<Findings>, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let manifests = match &settings.providers.manifests {
        Some(folder) => {
            let options = manifests_options(settings, folder)?;
            Some((folder, runtime.block_on(read_manifests(&options, foreseen(settings)))))
        }
        None => None,
    };
    let files = settings.providers.file.as_ref().and_then(file_options).map(|options| read_files(&options));
    let what = match (&manifests, &files) {
        (None, None) => return Ok(None),
        (Some(_), None) => "manifests",
        (None, Some(_)) => "dynamic configuration",
        (Some(_), Some(_)) => "manifests and dynamic configuration",
    };
    let (manifests, objects) = manifests.map_or((None, 0), |(folder, Reading { update, places })| {
        let objects = places.objects();
        (Some((folder.directory.as_path(), update, places)), objects)
    });
    let (update_of_files, files) =
        files.map_or((None, None), |FilesReading { update, files }| (Some(update), Some(files)));
    let updates: Vec<_> = manifests.iter().map(|(_, update, _)| update).chain(&update_of_files).collect();
    let state = State::new(prepared.metrics.clone());
    let mut compiler = compiler(settings, prepared, &state, runtime.handle(), &Tunnels::new());
    let read = updates.iter().flat_map(|update| update.sources.iter().cloned());
    let all: Vec<_> = std::iter::once(own(settings, &prepared.entry_points)).chain(read).collect();
    let compiled = compiler.compile(&all);
    let known = |name: &str| settings.certificates_resolvers.get(name).is_some_and(|known| known.acme.is_some());
    let mut diagnostics: Vec<Diagnostic> =
        updates.iter().flat_map(|update| update.diagnostics.iter().cloned()).collect();
    diagnostics.extend(wanted(&compiled.runtime, known).1);
    // The objects of a cluster are not read here: what refers to them cannot be judged.
    let is_unsure = |found: &Diagnostic| wants_cluster(settings) && found.message.contains("@kubernetes");
    diagnostics.extend(compiled.runtime.diagnostics.iter().filter(|found| !is_unsure(found)).cloned());
    let places =
        AllPlaces { manifests: manifests.as_ref().map(|(root, _, places)| (*root, places)), files: files.as_ref() };
    let router = |name: &str| compiled.runtime.routers.get(name).map(|info| &*info.router);
    let finding = |found: Diagnostic| Finding { place: places.of(&found.subject, router), diagnostic: found };
    let mut findings: Vec<_> = diagnostics.into_iter().map(finding).collect();
    findings.sort_by(|a, b| (&a.place, &a.diagnostic).cmp(&(&b.place, &b.diagnostic)));
    findings.dedup();
    let objects = objects + files.as_ref().map_or(0, Files::objects);
    Ok(Some(Findings { what, objects, findings }))
}

/// The places of all objects.
struct AllPlaces<'a> {
    /// The folder of manifests, and the places below it.
    manifests: Option<(&'a Path, &'a Places)>,
    files: Option<&'a Files>,
}

impl AllPlaces<'_> {
    fn of<'r>(&self, subject: &Subject, router: impl Fn(&str) -> Option<&'r Router>) -> Option<String> {
        let below = |place: &str| self.manifests.map(|(root, _)| root.join(place).display().to_string());
        let object = |subject: &Subject| self.manifests.and_then(|(_, places)| below(places.of(subject)?));
        match subject.kind {
            // The name of a file that cannot be read is its file and line.
            MANIFEST => below(&subject.name),
            FILE => Some(subject.name.to_string()),
            ROUTER => match subject.name.strip_suffix("@file") {
                Some(name) => self.files?.router(name),
                None => object(&ingress(router(&subject.name)?)?),
            },
            _ => object(subject),
        }
    }
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
            _ if [MANIFEST, FILE].contains(&subject.kind) => {}
            ("", "") => write!(f, "{}: ", subject.kind)?,
            ("", name) => write!(f, "{} {name}: ", subject.kind)?,
            (namespace, name) => write!(f, "{} {namespace}/{name}: ", subject.kind)?,
        }
        f.write_str(message)
    }
}
