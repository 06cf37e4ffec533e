//! What routers want of the resolvers, written by the leader: pure.
//!
//! An object that is no longer wanted is marked first, and removed a day later: a configuration that is empty for a
//! while, or a replica with an older one, costs no certificate.

use flow_acme::names::{ACCOUNT_KEY_SUFFIX, CERTIFICATE_NAME, RESOLVER, UNWANTED_SINCE};
use flow_acme::objects::{Certificate, Key, Meta, Object as Thing, Secret};
use flow_acme::planner::{Kind, Object, View, Write};
use flow_acme::store::folder::Declared;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long an object stays that nobody wants.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// What is wanted, and what may be taken over for it.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Issuers and Certificates.
    pub declared: Declared,
    /// Accounts and certificates of an earlier state: taken over where there are none.
    pub imported: BTreeMap<Key, Secret>,
}

impl Wanted {
    /// Returns what is wanted, with the Secrets that may be taken over.
    #[must_use]
    pub fn new(declared: Declared, imported: impl IntoIterator<Item = Secret>) -> Self {
        let imported = imported.into_iter().map(|secret| (secret.key(), secret)).collect();
        Self { declared, imported }
    }
}

/// Returns the steps to what is wanted. The writes of a step are done in order.
pub(super) fn steps(view: &View, wanted: &Wanted, now: Timestamp) -> Vec<Vec<Write>> {
    let mut steps = Vec::new();
    let mut kept = BTreeSet::new();
    for issuer in &wanted.declared.issuers {
        kept.insert((Kind::Issuer, issuer.key()));
        let present = view.issuers.get(&issuer.key()).map(AsRef::as_ref);
        let account = issuer.spec.acme.as_ref().map(|acme| acme.private_key_secret_ref.name.clone());
        let account = account.unwrap_or_default();
        // The key of another kind beside the one that signs here.
        let taken = ["", ACCOUNT_KEY_SUFFIX].map(|suffix| format!("{account}{suffix}"));
        let taken = wanted.imported.values().filter(|secret| taken.contains(&secret.metadata.name));
        steps.extend(upsert(view, present, issuer, taken));
    }
    for certificate in &wanted.declared.certificates {
        kept.insert((Kind::Certificate, certificate.key()));
        let present = view.certificates.get(&certificate.key()).map(AsRef::as_ref);
        steps.extend(upsert(view, present, certificate, wanted.imported.get(&certificate.key()).into_iter()));
    }
    let used: BTreeSet<&str> = view.certificates.values().map(|c| c.spec.issuer_ref.name.as_str()).collect();
    for (key, issuer) in view.issuers.iter().filter(|(key, _)| !kept.contains(&(Kind::Issuer, (*key).clone()))) {
        let is_used = used.contains(key.name.as_str());
        steps.extend(unwanted(Kind::Issuer, issuer.as_ref(), is_used, now));
    }
    let waiting = waiting_names(view, wanted);
    for (key, certificate) in &view.certificates {
        if !kept.contains(&(Kind::Certificate, key.clone())) {
            let is_used = certificate.spec.dns_names.iter().any(|name| waiting.contains(name.as_str()));
            steps.extend(unwanted(Kind::Certificate, certificate.as_ref(), is_used, now));
        }
    }
    steps.extend(left_over(view, &kept));
    steps
}

/// Creates an object, after the Secrets that are taken over for it, or updates it.
fn upsert<'a, S, T>(
    view: &View,
    present: Option<&Thing<S, T>>,
    wanted: &Thing<S, T>,
    taken: impl Iterator<Item = &'a Secret>,
) -> Option<Vec<Write>>
where
    Thing<S, T>: Into<Object> + Clone,
    S: PartialEq + Clone,
{
    let Some(present) = present else {
        let taken = taken.filter(|secret| !view.secrets.contains_key(&secret.key()));
        let taken = taken.map(|secret| Write::Create(secret.clone().into()));
        return Some(taken.chain([Write::Create(wanted.clone().into())]).collect());
    };
    let (is, wants) = (&present.metadata, &wanted.metadata);
    if is.deletion_timestamp.is_some() {
        return None;
    }
    let same = present.spec == wanted.spec && is.labels == wants.labels && is.annotations == wants.annotations;
    (!same).then(|| {
        let mut changed = present.clone();
        changed.spec = wanted.spec.clone();
        changed.metadata.labels.clone_from(&wants.labels);
        changed.metadata.annotations.clone_from(&wants.annotations);
        vec![Write::Update(changed.into())]
    })
}

/// Marks an object, or deletes it once it has been marked for long enough. A used one stays.
fn unwanted<S: Clone, T: Clone>(kind: Kind, object: &Thing<S, T>, is_used: bool, now: Timestamp) -> Option<Vec<Write>>
where
    Thing<S, T>: Into<Object>,
{
    let metadata = &object.metadata;
    if metadata.deletion_timestamp.is_some() {
        return None;
    }
    let since = metadata.annotation(UNWANTED_SINCE).and_then(|since| since.parse::<Timestamp>().ok());
    let Some(since) = since else {
        let mut changed = object.clone();
        changed.metadata.annotations.insert(UNWANTED_SINCE.to_owned(), now.to_string());
        return Some(vec![Write::Update(changed.into())]);
    };
    let is_over = now.duration_since(since) >= GRACE;
    (is_over && !is_used).then(|| vec![Write::Delete { kind, key: object.key(), uid: metadata.uid.clone() }])
}

/// The names for which a wanted certificate is not there yet: an older one with such a name is still served.
fn waiting_names<'a>(view: &View, wanted: &'a Wanted) -> BTreeSet<&'a str> {
    let is_there = |certificate: &&Certificate| view.secrets.contains_key(&secret_of(certificate));
    let waiting = wanted.declared.certificates.iter().filter(|certificate| !is_there(certificate));
    waiting.flat_map(|certificate| certificate.spec.dns_names.iter().map(String::as_str)).collect()
}

fn secret_of(certificate: &Certificate) -> Key {
    Key::new(certificate.metadata.namespace.clone(), certificate.spec.secret_name.clone())
}

/// Deletes the key pairs of Certificates that are gone: no longer served, and wanted by nobody.
fn left_over(view: &View, kept: &BTreeSet<(Kind, Key)>) -> Vec<Vec<Write>> {
    let of_certificate = |meta: &Meta| {
        let name = meta.annotation(CERTIFICATE_NAME).filter(|_| meta.labels.contains_key(RESOLVER))?;
        Some(Key::new(meta.namespace.clone(), name))
    };
    let gone = view.secrets.values().filter(|secret| {
        let meta = &secret.metadata;
        let certificate = of_certificate(meta).filter(|_| meta.deletion_timestamp.is_none());
        certificate
            .is_some_and(|key| !view.certificates.contains_key(&key) && !kept.contains(&(Kind::Certificate, key)))
    });
    gone.map(|secret| {
        let uid = secret.metadata.uid.clone();
        vec![Write::Delete { kind: Kind::Secret, key: secret.key(), uid }]
    })
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use flow_acme::http01::Method;
    use flow_acme::resolvers::{Place, Resolver, Wanted as Names, declare};
    use std::sync::Arc;

    fn wants(names: &[&str]) -> Wanted {
        let place = Place::cluster("flow-system");
        let names: Vec<_> = names
            .iter()
            .map(|name| Names { resolver: "le".to_owned(), main: (*name).to_owned(), sans: Vec::new() })
            .collect();
        Wanted::new(declare(&place, &[Resolver::new("le", Method::Http01)], &names), [])
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Does the writes as an API server would.
    fn run(view: &mut View, wanted: &Wanted, now: Timestamp) -> usize {
        let steps = steps(view, wanted, now);
        for write in steps.iter().flatten() {
            match write {
                Write::Create(Object::Issuer(o)) | Write::Update(Object::Issuer(o)) => {
                    drop(view.issuers.insert(o.key(), Arc::from(o.clone())));
                }
                Write::Create(Object::Certificate(o)) | Write::Update(Object::Certificate(o)) => {
                    drop(view.certificates.insert(o.key(), Arc::from(o.clone())));
                }
                Write::Create(Object::Secret(o)) => drop(view.secrets.insert(o.key(), Arc::from(o.clone()))),
                Write::Delete { kind: Kind::Issuer, key, .. } => drop(view.issuers.remove(key)),
                Write::Delete { kind: Kind::Certificate, key, .. } => drop(view.certificates.remove(key)),
                Write::Delete { kind: Kind::Secret, key, .. } => drop(view.secrets.remove(key)),
                other => panic!("{other:?}"),
            }
        }
        steps.len()
    }

    fn issue(view: &mut View, certificate: &Certificate) {
        let mut metadata = Meta::named(secret_of(certificate));
        metadata.labels.clone_from(&certificate.metadata.labels);
        metadata.annotations.insert(CERTIFICATE_NAME.to_owned(), certificate.metadata.name.clone());
        view.secrets.insert(metadata.key(), Arc::new(Secret::new(metadata, "kubernetes.io/tls", BTreeMap::new())));
    }

    #[test]
    fn what_is_wanted_is_made_once_and_stays_for_a_day() {
        let (mut view, now) = (View::default(), at("2026-11-01T00:00:00Z"));
        let wanted = wants(&["a.example"]);
        assert_eq!(run(&mut view, &wanted, now), 2);
        assert_eq!(run(&mut view, &wanted, now), 0);
        issue(&mut view, &wanted.declared.certificates[0].clone());
        let nothing = wants(&[]);
        assert_eq!(run(&mut view, &nothing, now), 1);
        assert_eq!(run(&mut view, &nothing, at("2026-11-01T23:59:59Z")), 0);
        // Wanted again: the mark goes.
        assert_eq!(run(&mut view, &wanted, at("2026-11-01T23:59:59Z")), 1);
        assert_eq!(run(&mut view, &nothing, at("2026-11-02T00:00:00Z")), 1);
        assert_eq!(run(&mut view, &nothing, at("2026-11-03T00:00:00Z")), 1);
        assert!(view.certificates.is_empty() && view.secrets.len() == 1, "the Secret goes after its Certificate");
        assert_eq!(run(&mut view, &nothing, at("2026-11-03T00:00:00Z")), 1);
        assert!(view.secrets.is_empty() && view.issuers.len() == 1);
    }

    #[test]
    fn a_certificate_is_kept_until_its_successor_is_there() {
        let (mut view, now) = (View::default(), at("2026-11-01T00:00:00Z"));
        let old = wants(&["a.example"]);
        run(&mut view, &old, now);
        issue(&mut view, &old.declared.certificates[0].clone());
        let mut new = wants(&["a.example"]);
        new.declared.certificates[0].spec.dns_names.push("b.example".to_owned());
        new.declared.certificates[0].metadata.name = "resolver-other".to_owned();
        new.declared.certificates[0].spec.secret_name = "resolver-other".to_owned();
        run(&mut view, &new, now);
        assert_eq!(run(&mut view, &new, at("2026-11-09T00:00:00Z")), 0);
        issue(&mut view, &new.declared.certificates[0].clone());
        assert_eq!(run(&mut view, &new, at("2026-11-09T00:00:00Z")), 1);
        assert_eq!(run(&mut view, &new, at("2026-11-09T00:00:00Z")), 1);
        assert_eq!((view.certificates.len(), view.secrets.len()), (1, 1));
    }

    #[test]
    fn an_earlier_state_is_taken_over_only_where_there_is_none() {
        let (mut view, now) = (View::default(), at("2026-11-01T00:00:00Z"));
        let mut wanted = wants(&["a.example"]);
        let secret =
            |name: &str| Secret::new(Meta::named(Key::new("flow-system", name)), "kubernetes.io/tls", BTreeMap::new());
        let certificate = wanted.declared.certificates[0].metadata.name.clone();
        for name in [certificate.as_str(), "resolver-le-account", "resolver-unwanted"] {
            wanted.imported.insert(Key::new("flow-system", name), secret(name));
        }
        let first = steps(&view, &wanted, now);
        assert!(first.iter().all(|step| matches!(step[0], Write::Create(Object::Secret(_)))), "{first:?}");
        run(&mut view, &wanted, now);
        assert_eq!(view.secrets.len(), 2);
        assert_eq!(run(&mut view, &wanted, now), 0);
    }

    #[test]
    fn a_resolver_that_is_gone_goes_after_its_certificates() {
        let (mut view, now) = (View::default(), at("2026-11-01T00:00:00Z"));
        run(&mut view, &wants(&["a.example"]), now);
        let nothing = Wanted::default();
        assert_eq!(run(&mut view, &nothing, now), 2);
        assert_eq!(run(&mut view, &nothing, at("2026-11-09T00:00:00Z")), 1);
        assert_eq!(run(&mut view, &nothing, at("2026-11-09T00:00:00Z")), 1);
        assert!(view.issuers.is_empty() && view.certificates.is_empty());
    }
}
