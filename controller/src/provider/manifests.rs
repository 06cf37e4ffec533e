//! A folder of manifests as a source of configuration.

use super::options::ManifestsOptions;
use super::publish::Update;
use super::publish::{Provider, Publisher, channel};
use crate::manifests::{Issuing, Manifests, Places, Selection, files_below};
use crate::translate::{IngressEndpoint, IngressOptions, Options, Translator};
use std::path::{Path, PathBuf};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// Reads a folder of manifests, on the current runtime and until `stop` is cancelled. `issuing` is what becomes of the
/// certificates that it asks for.
#[must_use]
pub fn start(options: ManifestsOptions, issuing: Issuing, stop: CancellationToken) -> Provider {
    let (publisher, provider) = channel();
    tokio::spawn(async move {
        stop.run_until_cancelled(run(options, issuing, publisher)).await;
    });
    provider
}

/// A folder of manifests as it is at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The configuration, and the findings about it.
    pub update: Update,
    /// The places where its objects are defined.
    pub places: Places,
}

/// Reads a folder of manifests once. `issuing` is what becomes of the certificates that it asks for.
pub async fn read_manifests(options: &ManifestsOptions, issuing: Issuing) -> Reading {
    let mut manifests = open(&ManifestsOptions { watch: false, ..options.clone() }, issuing);
    let mut translator = translator(options);
    let diagnostics = manifests.read().await;
    let translated = translator.translate(&mut manifests.view);
    let update = Update { sources: translated.sources().into(), diagnostics: diagnostics.into(), version: 1 };
    Reading { update, places: manifests.places() }
}

/// The files that a folder of manifests would be read from.
///
/// # Errors
/// The folder is not there or cannot be listed. Folders below it that cannot be listed are left out.
pub fn manifest_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(directory)?;
    Ok(files_below(directory))
}

async fn run(options: ManifestsOptions, issuing: Issuing, mut publisher: Publisher) {
    let started = Instant::now();
    let mut manifests = open(&options, issuing);
    let mut translator = translator(&options);
    loop {
        let began = Instant::now();
        let diagnostics = manifests.read().await;
        let translated = translator.translate(&mut manifests.view);
        match publisher.publish(translated.sources(), diagnostics) {
            Some(1) => {
                let (folder, seconds) = (options.directory.display(), started.elapsed().as_secs_f32());
                info!(%folder, seconds, "every manifest is read");
            }
            Some(version) => debug!(version, "manifests changed"),
            None => {}
        }
        tokio::select! {
            () = manifests.changed() => {}
            () = publisher.closed() => return,
        }
        sleep_until(began + options.throttle).await;
    }
}

fn open(options: &ManifestsOptions, issuing: Issuing) -> Manifests {
    let ingress = &options.ingress;
    let selection = Selection {
        namespaces: options.namespaces.clone(),
        labels: options.label_selector.clone(),
        classes: !ingress.disable_ingress_class_lookup && !ingress.disable_cluster_scope_resources,
        nodes: !ingress.disable_cluster_scope_resources,
    };
    Manifests::new(options.directory.clone(), options.watch, &ingress.ingress_class, selection, issuing)
}

/// Nobody publishes addresses here.
fn translator(options: &ManifestsOptions) -> Translator {
    Translator::new(Options {
        ingress: Some(IngressOptions { ingress_endpoint: IngressEndpoint::default(), ..options.ingress.clone() }),
        crd: Some(options.crd.clone()),
    })
}
