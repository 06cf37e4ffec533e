//! Issued certificates as a configuration for the data plane.

use super::PROVIDER;
use flow_acme::objects::{Key, Secret};
use flow_model::config::{Certificate, Config};
use flow_model::name::Name;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The certificates of all resolvers, each with the Secret that it is from.
#[derive(Default)]
pub(super) struct Certificates {
    known: BTreeMap<Key, (Arc<Secret>, Arc<Certificate>)>,
    config: Arc<Config>,
}

impl Certificates {
    /// Replaces the certificates by those of the Secrets; true if one changed. Others stay the same value.
    pub(super) fn update<'a>(&mut self, secrets: impl Iterator<Item = &'a Arc<Secret>>) -> bool {
        let mut before = std::mem::take(&mut self.known);
        let (count, mut changed) = (before.len(), false);
        for secret in secrets {
            let kept = before.remove(&secret.key());
            let certificate = match kept {
                Some((known, certificate)) if Arc::ptr_eq(&known, secret) => certificate,
                kept => {
                    let made = certificate(secret);
                    match kept {
                        Some((_, certificate)) if *certificate == made => certificate,
                        _ => {
                            changed = true;
                            Arc::new(made)
                        }
                    }
                }
            };
            self.known.insert(secret.key(), (Arc::clone(secret), certificate));
        }
        changed |= count != self.known.len();
        if changed {
            let certificates = self.known.values().map(|(_, certificate)| Arc::clone(certificate)).collect();
            self.config = Arc::new(Config { certificates, ..Config::default() });
        }
        changed
    }

    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }
}

fn certificate(secret: &Secret) -> Certificate {
    let entry = |name: &str| secret.entry(name).unwrap_or_default().to_vec();
    Certificate {
        origin: Name::from(format!("{PROVIDER}-{}", secret.metadata.name)),
        chain: entry("tls.crt"),
        key: entry("tls.key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_acme::objects::Meta;

    fn secret(name: &str, chain: &str) -> Arc<Secret> {
        let data = BTreeMap::from([("tls.crt".to_owned(), chain.into()), ("tls.key".to_owned(), b"key".to_vec())]);
        Arc::new(Secret::new(Meta::named(Key::new("flow-system", name)), "kubernetes.io/tls", data))
    }

    #[test]
    fn what_did_not_change_stays_the_same_value() {
        let mut certificates = Certificates::default();
        assert!(certificates.update([secret("a", "1"), secret("b", "1")].iter()));
        let before = certificates.config();
        assert!(!certificates.update([secret("a", "1"), secret("b", "1")].iter()));
        assert!(Arc::ptr_eq(&before, &certificates.config()));
        assert!(certificates.update([secret("a", "1"), secret("b", "2")].iter()));
        let after = certificates.config();
        let same: Vec<bool> =
            before.certificates.iter().zip(&after.certificates).map(|(one, other)| Arc::ptr_eq(one, other)).collect();
        assert_eq!(same, [true, false]);
        assert!(certificates.update([secret("a", "1")].iter()), "one is gone");
        assert_eq!(certificates.config().certificates.len(), 1);
    }
}
