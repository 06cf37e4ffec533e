//! The sources of configuration, Kubernetes and manifest folders, and their translation.
pub mod certificates;
pub mod crd;
pub mod lease;
mod manifests;
#[cfg(test)]
mod mock_api;
pub mod provider;
mod selector;
mod status;
pub mod translate;
mod unserved;
pub mod view;
mod watch;
