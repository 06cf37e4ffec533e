use crate::translate::options::IngressOptions;
use crate::view::annotations::CLASS;
use crate::view::{Ingress, View};
use flow_model::nearest;

/// The class that stands for Traefik if no option names another.
const DEFAULT: &str = "traefik";

/// True if an Ingress is served here.
///
/// An Ingress that names a class is ours if an IngressClass of that name names our controller (and the option names no
/// other). One without a class is chosen by the older annotation.
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

/// Returns the finding about an Ingress that is not ours and most likely should be: no other controller will serve it.
pub(super) fn not_chosen(ingress: &Ingress, view: &View, options: &IngressOptions) -> Option<String> {
    let wanted = options.ingress_class.as_str();
    let own = if wanted.is_empty() { DEFAULT } else { wanted };
    let is_looked_up = !options.disable_ingress_class_lookup && !options.disable_cluster_scope_resources;
    if let Some(class) = ingress.class_name.as_deref() {
        if is_looked_up {
            let absent = (wanted.is_empty() || wanted == class) && view.ingress_class(class).is_none();
            return absent
                .then(|| format!("spec.ingressClassName: there is no IngressClass {class}, so nobody serves it"));
        }
        return (class == own).then(|| {
            format!("spec.ingressClassName is not read where IngressClasses are not looked up, so nobody serves it: write the annotation {CLASS}: {own}")
        });
    }
    let class = ingress.annotations.class();
    if class.is_empty() {
        let is_meant = !wanted.is_empty() && ingress.annotations.options().next().is_some();
        return is_meant.then(|| {
            format!("it names no class, and only those of {wanted} are served: write spec.ingressClassName: {wanted}")
        });
    }
    let is_slip = nearest::is_slip(class, own) && !class.starts_with(own) && view.ingress_class(class).is_none();
    is_slip.then(|| {
        format!("annotation {CLASS}: {class} is no class of this controller, so it is not served; did you mean {own}?")
    })
}
