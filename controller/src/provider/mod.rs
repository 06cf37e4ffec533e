//! Sources of configuration: a cluster, or a folder of manifests that stands for one.

mod events;
mod file;
mod kubernetes;
mod manifests;
mod options;
mod publish;
mod status_planner;
mod throttle;

#[cfg(test)]
mod tests;

pub use crate::manifests::{Issuing, OpenStore, Places};
pub use crate::selector::{SelectorError, label_selector};
pub use crate::watch::{ConnectError, Connection};
pub use file::{FileOptions, FilesReading, read_files, start as file};
pub use kubernetes::{Kubernetes, start as kubernetes};
pub use manifests::{Reading, manifest_files, read_manifests, start as manifests};
pub use options::{CrdProvider, IngressProvider, KubernetesOptions, ManifestsOptions};
pub use publish::{Provider, Update};
