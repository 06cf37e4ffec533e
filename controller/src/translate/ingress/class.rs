use crate::translate::options::IngressOptions;
use crate::view::{Ingress, View};

/// The class that stands for Traefik where no option names another.
const DEFAULT: &str = "traefik";

/// Whether an Ingress is ours to serve.
///
/// One that names a class is, if an IngressClass of that name names our controller (and the option names no other).
/// One that does not is chosen by the older annotation.
pub(super) fn is_ours(ingress: &Ingress, view: &View, options: &IngressOptions) -> bool {
    let wanted = options.ingress_class.as_str();
    let Some(class) = ingress.class_name.as_deref() else {
        let annotation = ingress.annotations.class();
        return annotation == wanted || (wanted.is_empty() && annotation == DEFAULT);
    };
    !options.disable_ingress_class_lookup
        && !options.disable_cluster_scope_resources
        && (wanted.is_empty() || wanted == class)
        && view.ingress_class(class).is_some_and(|class| class.ours)
}

/// What is to be said of an Ingress that is not ours because its class does not exist at all: nobody will serve it.
pub(super) fn is_absent(ingress: &Ingress, view: &View, options: &IngressOptions) -> Option<String> {
    let class = ingress.class_name.as_deref()?;
    let wanted = options.ingress_class.as_str();
    let is_looked_up = !options.disable_ingress_class_lookup && !options.disable_cluster_scope_resources;
    let absent = is_looked_up && (wanted.is_empty() || wanted == class) && view.ingress_class(class).is_none();
    absent.then(|| format!("spec.ingressClassName: there is no IngressClass {class}, so nobody serves it"))
}
