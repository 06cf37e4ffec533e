//! The names of what custom resources come to.
//!
//! Without safeNaming they are Traefik's old ones, which two objects may share; with it, parts are joined by `_` and
//! nothing is left out.

use crate::translate::options::CrdOptions;
use crate::view::ObjectKey;
use crate::view::ingress::BackendPort;
use flow_model::name::{Name, normalize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Returns the name of an object's result: `namespace-name`, or `namespace_name` with safeNaming.
pub(super) fn object(namespace: &str, name: &str, options: &CrdOptions) -> Name {
    if options.safe_naming {
        return format!("{namespace}_{name}").into();
    }
    normalize(&format!("{namespace}-{name}")).into()
}

/// Returns the name of the router of a route, of which `index` is the place in its object.
pub(super) fn router(route: &ObjectKey, index: usize, rule: &str, options: &CrdOptions) -> Name {
    let ObjectKey { namespace, name } = route;
    if options.safe_naming {
        return format!("{namespace}_{name}_{index}").into();
    }
    let mut text = format!("{namespace}-{name}-");
    for byte in Sha256::digest(rule.as_bytes()).iter().take(10) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    normalize(&text).into()
}

/// Returns the name of the only service of a router.
pub(super) fn only_service(router: &Name, options: &CrdOptions) -> Name {
    if options.safe_naming { format!("{router}_lb").into() } else { Name::clone(router) }
}

/// Returns the name of the weighted service of a router.
pub(super) fn weighted(router: &Name, options: &CrdOptions) -> Name {
    if options.safe_naming { format!("{router}_wrr").into() } else { Name::clone(router) }
}

/// Returns the name of the service of error pages of a Middleware.
pub(super) fn error_page(middleware: &ObjectKey, options: &CrdOptions) -> Name {
    format!("{}-errorpage-service", object(&middleware.namespace, &middleware.name, options)).into()
}

/// Returns the name of a part of another service. `place` tells it from the other parts: `wrr_1`, `mirroring`.
pub(super) fn part(whole: &str, place: &str, service: &ObjectKey, port: &BackendPort, options: &CrdOptions) -> Name {
    let ObjectKey { namespace, name } = service;
    if options.safe_naming {
        return format!("{whole}_{place}_{namespace}_{name}_{port}").into();
    }
    normalize(&format!("{namespace}-{name}-{port}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_traefik() {
        let (route, service) = (ObjectKey::new("default", "test.route"), ObjectKey::new("default", "whoami"));
        let rule = "Host(`foo.com`) && PathPrefix(`/bar`)";
        for (safe_naming, wanted) in [
            (
                false,
                [
                    "default-test-route-6b204d94623b3df4370c",
                    "default-test-route-6b204d94623b3df4370c",
                    "default-test-route-6b204d94623b3df4370c",
                    "default-whoami-80",
                    "default-ts",
                    "default-whoami-errorpage-service",
                ],
            ),
            (
                true,
                [
                    "default_test.route_0",
                    "default_test.route_0_lb",
                    "default_test.route_0_wrr",
                    "default_test.route_0_wrr_1_default_whoami_80",
                    "default_ts",
                    "default_whoami-errorpage-service",
                ],
            ),
        ] {
            let options = CrdOptions { safe_naming, ..CrdOptions::default() };
            let router = router(&route, 0, rule, &options);
            let weighted = weighted(&router, &options);
            let made = [
                router.clone(),
                only_service(&router, &options),
                weighted.clone(),
                part(&weighted, "1", &service, &BackendPort::Number(80), &options),
                object("default", "ts", &options),
                error_page(&service, &options),
            ];
            assert_eq!(made.each_ref().map(|name| &**name), wanted);
        }
    }
}
