//! Configuration in: Kubernetes, manifest folders, and what they mean.
