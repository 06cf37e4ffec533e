use super::schema::Scalar;
use serde_json::Value as Json;

/// Traefik's providers, as names of objects end in them (`name@kubernetescrd`).
const NAMES: [&str; 18] = [
    "consul",
    "consulcatalog",
    "docker",
    "ecs",
    "etcd",
    "file",
    "http",
    "knative",
    "kubernetes",
    "kubernetescrd",
    "kubernetesgateway",
    "kubernetesingressnginx",
    "nomad",
    "plugin",
    "redis",
    "rest",
    "swarm",
    "zookeeper",
];

/// The name of a provider: that in names of objects, or that of its options, in any case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProviderName(pub &'static str);

impl Scalar for ProviderName {
    fn parse(text: &str) -> Result<Self, String> {
        let wanted = if text.eq_ignore_ascii_case("kubernetesIngress") { "kubernetes" } else { text };
        let known = NAMES.iter().find(|name| name.eq_ignore_ascii_case(wanted));
        known
            .map(|name| Self(name))
            .ok_or_else(|| format!("takes names of providers ({}), not {text:?}", NAMES.join(", ")))
    }

    fn show(&self) -> Json {
        self.0.into()
    }
}
