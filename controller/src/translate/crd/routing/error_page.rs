use super::fragment::{Fragment, Origin};
use super::services::Services;
use crate::crd::MiddlewareSpec;
use crate::translate::crd::naming;
use crate::translate::options::CrdOptions;
use crate::view::{Custom, View};
use std::sync::Arc;

/// Translates the service of a Middleware with error pages. What is wrong with it is told by the Middleware.
pub(super) fn translate(
    objects: [Option<&Arc<Custom<MiddlewareSpec>>>; 2],
    view: &View,
    options: &CrdOptions,
) -> Option<Fragment> {
    let object = objects.into_iter().flatten().next()?;
    let page = object.spec.as_ref().ok()?.errors.as_deref()?;
    let mut fragment = Fragment::new(Origin::ErrorPage, object.created, &object.key, Vec::new());
    let Some(spec) = &page.service else {
        fragment.error_page = Some(Err("a service must be named".to_owned()));
        return Some(fragment);
    };
    let name = naming::error_page(&object.key, options);
    let mut services = Services::new(view, options, &object.key.namespace, &mut fragment.reads);
    let service = services.only(spec, &name);
    let (made, warnings) = (services.made, services.warnings);
    fragment.error_page = Some(service.map_err(|error| format!("service: {error}")));
    fragment.add_services(made);
    warnings.into_iter().for_each(|warning| fragment.warning(warning));
    Some(fragment)
}
