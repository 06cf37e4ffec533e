//! A folder of manifests as a source of configuration.

use super::options::ManifestsOptions;
use super::publish::{Provider, Publisher, channel};
use crate::manifests::{Manifests, OpenStore};
use crate::translate::{CrdOptions, IngressOptions, Options, Translator};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// Reads a folder of manifests, on the current runtime and until `stop` is cancelled. `opener` opens the store of the
/// certificates that it asks for; without one they are left alone.
#[must_use]
pub fn start(options: ManifestsOptions, opener: Option<OpenStore>, stop: CancellationToken) -> Provider {
    let (publisher, provider) = channel();
    tokio::spawn(async move {
        stop.run_until_cancelled(run(options, opener, publisher)).await;
    });
    provider
}

async fn run(options: ManifestsOptions, opener: Option<OpenStore>, mut publisher: Publisher) {
    let started = Instant::now();
    let mut manifests =
        Manifests::new(options.directory.clone(), options.watch, &options.ingress.ingress_class, opener);
    let mut translator = Translator::new(without_cluster(options.ingress, options.crd));
    loop {
        let diagnostics = manifests.read().await;
        let translated = translator.translate(&mut manifests.view);
        match publisher.publish(translated, diagnostics) {
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
    }
}

/// Nobody publishes addresses here, and a Service may name any backend.
fn without_cluster(ingress: IngressOptions, crd: CrdOptions) -> Options {
    Options {
        ingress: Some(IngressOptions { allow_external_name_services: true, ingress_endpoint: None, ..ingress }),
        crd: Some(crd),
    }
}
