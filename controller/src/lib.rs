//! Configuration in: Kubernetes, manifest folders, and what they mean.
pub mod certificates;
pub mod crd;
pub mod lease;
mod manifests;
#[cfg(test)]
mod mock_api;
pub mod provider;
mod status;
pub mod translate;
mod unserved;
pub mod view;
mod watch;
