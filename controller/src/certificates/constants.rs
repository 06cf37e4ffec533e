//! Names and words of others that are looked for.

/// The API server's words about a webhook that does not respond.
pub(super) const FAILED_WEBHOOK: &str = "failed calling webhook";
/// The Lease by which cert-manager's replicas choose a leader.
pub(super) const LEASE: &str = "cert-manager-controller";
