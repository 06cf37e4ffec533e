//! Configuration in: Kubernetes, manifest folders, and what they mean.
#[cfg(test)]
mod mock_api;
pub mod lease;
