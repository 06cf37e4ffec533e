//! Custom kinds of cert-manager's as resources of the API.

use flow_acme::objects::VERSION;
use kube::core::ApiResource;

/// Returns a custom kind's resource.
pub(super) fn resource(group: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: VERSION.to_owned(),
        api_version: format!("{group}/{VERSION}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}
