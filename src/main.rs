//! flow-proxy: a Kubernetes ingress controller.
fn main() {}
