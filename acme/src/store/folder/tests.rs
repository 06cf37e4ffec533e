#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::objects::{AcmeSpec, CertificateSpec, ConditionStatus, IssuerRef, IssuerSpec, set_condition};
use crate::view::IngressTls;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

fn certificate(namespace: &str, name: &str, host: &str) -> Certificate {
    let spec = CertificateSpec {
        secret_name: name.to_owned(),
        dns_names: vec![host.to_owned()],
        issuer_ref: IssuerRef { name: "le".to_owned(), kind: "ClusterIssuer".to_owned(), ..IssuerRef::default() },
        ..CertificateSpec::default()
    };
    Thing { metadata: Meta::named(Key::new(namespace, name)), spec, status: Default::default() }
}

/// The issuer of all certificates.
fn issuer() -> Issuer {
    let acme = AcmeSpec { server: "https://ca.example/directory".to_owned(), ..AcmeSpec::default() };
    let spec = IssuerSpec { acme: Some(acme), ..IssuerSpec::default() };
    Thing { metadata: Meta::named(Key::new("", "le")), spec, status: Default::default() }
}

fn declared(certificates: &[Certificate]) -> Declared {
    Declared { certificates: certificates.to_vec(), ..Declared::default() }
}

#[tokio::test]
async fn what_is_known_survives_and_what_is_not_declared_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let key = Key::new("web", "a");
    {
        let store = FolderStore::open(&path, Settings::default()).unwrap();
        assert!(matches!(FolderStore::open(&path, Settings::default()), Err(FolderError::Busy(_))));
        store.declare(declared(&[certificate("web", "a", "a.example"), certificate("web", "b", "b.example")])).unwrap();
        let mut changed = Certificate::clone(&store.view().certificates[&key]);
        assert_eq!(changed.metadata.generation, 1);
        changed.status.revision = Some(7);
        store.write(&Write::Status(changed.clone().into())).await.unwrap();
        // Its version is outdated.
        assert!(matches!(store.write(&Write::Status(changed.into())).await, Err(StoreError::Conflict)));
    }
    let store = FolderStore::open(&path, Settings::default()).unwrap();
    let before = store.view().certificates[&key].metadata.clone();
    store.declare(declared(&[certificate("web", "a", "new.example")])).unwrap();
    let view = store.view();
    assert_eq!(view.certificates.len(), 1);
    let after = &view.certificates[&key];
    assert_eq!(after.status.revision, Some(7));
    assert_eq!((after.metadata.uid.as_str(), after.metadata.generation), (before.uid.as_str(), 2));
    assert_eq!(after.spec.dns_names, ["new.example"]);
}

#[tokio::test]
async fn secrets_are_for_the_owner_only_and_names_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let store = FolderStore::open(&path, Settings::default()).unwrap();
    let data = BTreeMap::from([("tls.key".to_owned(), b"secret".to_vec())]);
    let secret = Secret::new(Meta::named(Key::new("..", "../../x/y")), "Opaque", data);
    store.write(&Write::Create(secret.clone().into())).await.unwrap();
    assert!(matches!(store.write(&Write::Create(secret.into())).await, Err(StoreError::Conflict)));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let secrets = path.join("secrets");
    assert_eq!(mode(&secrets), 0o700);
    let files: Vec<_> = std::fs::read_dir(&secrets).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(mode(&files[0]), 0o600);
    drop(store);
    // A file being written when the process died is ignored; a broken one is an error.
    std::fs::write(secrets.join("half.new"), b"{").unwrap();
    assert_eq!(FolderStore::open(&path, Settings::default()).unwrap().view().secrets.len(), 1);
    std::fs::write(secrets.join("broken.json"), b"{").unwrap();
    assert!(matches!(FolderStore::open(&path, Settings::default()), Err(FolderError::Content { .. })));
}

#[tokio::test]
async fn owners_take_theirs_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path(), Settings::default()).unwrap();
    store.declare(declared(&[certificate("web", "a", "a.example")])).unwrap();
    let owner = store.view().certificates[&Key::new("web", "a")].metadata.clone();
    let mut meta = Meta::named(Key::new("web", "a-next"));
    meta.owner_references = vec![crate::objects::Owner::controller("cert-manager.io/v1", "Certificate", &owner)];
    store.write(&Write::Create(Secret::new(meta, "Opaque", BTreeMap::new()).into())).await.unwrap();
    let target = Secret::new(Meta::named(Key::new("web", "a")), "kubernetes.io/tls", BTreeMap::new());
    store.write(&Write::Apply(Box::new(target))).await.unwrap();
    store.declare(Declared::default()).unwrap();
    let view = store.view();
    assert!(view.certificates.is_empty());
    // The key of the certificate being issued is deleted, the served Secret stays.
    let names: Vec<_> = view.secrets.keys().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["a"]);
}

#[tokio::test]
async fn what_an_ingress_asked_for_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path(), Settings::default()).unwrap();
    let ingress = IngressFacts { metadata: Meta::named(Key::new("web", "shim")), tls: Vec::new() };
    let both = || Declared { ingresses: vec![ingress.clone()], ..declared(&[certificate("web", "a", "a.example")]) };
    store.declare(both()).unwrap();
    let owner = store.view().ingresses[&Key::new("web", "shim")].metadata.clone();
    let mut asked = certificate("web", "shim-tls", "shim.example");
    asked.metadata.owner_references =
        vec![crate::objects::Owner::controller("networking.k8s.io/v1", "Ingress", &owner)];
    store.write(&Write::Create(asked.into())).await.unwrap();
    store.declare(both()).unwrap();
    assert_eq!(store.view().certificates.len(), 2);
    store.declare(declared(&[certificate("web", "a", "a.example")])).unwrap();
    let names: Vec<_> = store.view().certificates.keys().map(|key| key.name.clone()).collect();
    assert_eq!(names, ["a"]);
}

#[tokio::test]
async fn what_is_served_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path(), Settings::default()).unwrap();
    let both = declared(&[certificate("web", "a", "a.example"), certificate("web", "b", "b.example")]);
    store.declare(Declared { issuers: vec![issuer()], ..both }).unwrap();
    assert_eq!(store.served(), Served::default());
    for (name, entries) in [("a", vec!["tls.crt", "tls.key"]), ("b", vec!["tls.crt"])] {
        let data = entries.into_iter().map(|entry| (entry.to_owned(), b"pem".to_vec()));
        let secret = Secret::new(Meta::named(Key::new("web", name)), "kubernetes.io/tls", data.collect());
        store.write(&Write::Apply(Box::new(secret))).await.unwrap();
    }
    let mut failed = Certificate::clone(&store.view().certificates[&Key::new("web", "b")]);
    let no = ConditionStatus::False;
    set_condition(&mut failed.status.conditions, "Issuing", no, "Failed", "no such name", None, Timestamp::now());
    store.write(&Write::Status(failed.into())).await.unwrap();
    let served = store.served();
    assert_eq!(served.secrets.iter().map(|secret| secret.key()).collect::<Vec<_>>(), [Key::new("web", "a")]);
    let trouble = Trouble { kind: Kind::Certificate, key: Key::new("web", "b"), message: "no such name".to_owned() };
    assert_eq!(served.troubles, [trouble]);
}

fn text(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn what_is_not_applied_again_goes_and_what_others_put_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::new("web", "a");
    let apply = |labels: &[(&str, &str)], annotations: &[(&str, &str)], entries: &[&str]| {
        let mut metadata = Meta::named(key.clone());
        metadata.labels = text(labels);
        metadata.annotations = text(annotations);
        let data = entries.iter().map(|name| ((*name).to_owned(), b"pem".to_vec())).collect();
        Write::Apply(Box::new(Secret::new(metadata, "kubernetes.io/tls", data)))
    };
    {
        let store = FolderStore::open(folder.path(), Settings::default()).unwrap();
        let one = apply(&[("team", "one"), ("old", "x")], &[("reloader", "true")], &["tls.crt", "key.der"]);
        store.write(&one).await.unwrap();
        let mut others = Secret::clone(&store.view().secrets[&key]);
        others.metadata.labels.insert("foreign".to_owned(), "y".to_owned());
        others.metadata.annotations.insert("note".to_owned(), "z".to_owned());
        let mut data = others.data.clone();
        data.insert("more".to_owned(), b"1".to_vec());
        let others = Secret::new(others.metadata, others.kind, data);
        store.write(&Write::Update(others.into())).await.unwrap();
    }
    // It is still known after a restart.
    let store = FolderStore::open(folder.path(), Settings::default()).unwrap();
    store.write(&apply(&[("team", "two")], &[], &["tls.crt"])).await.unwrap();
    let secret = Arc::clone(&store.view().secrets[&key]);
    assert_eq!(secret.metadata.labels, text(&[("foreign", "y"), ("team", "two")]));
    assert_eq!(secret.metadata.annotations, text(&[("note", "z")]));
    assert_eq!(secret.data.keys().map(String::as_str).collect::<Vec<_>>(), ["more", "tls.crt"]);
    // A name set by another client becomes ours with the value, and is removed with it.
    store.write(&apply(&[("foreign", "ours")], &[], &["tls.crt"])).await.unwrap();
    store.write(&apply(&[], &[], &["tls.crt"])).await.unwrap();
    assert_eq!(store.view().secrets[&key].metadata.labels, text(&[]));
}

#[test]
fn what_follows_from_a_declaration_alone() {
    let ingress = |name: &str, hosts: &[&str]| {
        let mut metadata = Meta::named(Key::new("web", name));
        metadata.annotations = text(&[("cert-manager.io/cluster-issuer", "le")]);
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        IngressFacts { metadata, tls: vec![IngressTls { hosts, secret_name: "shared".to_owned() }] }
    };
    let lost = |name: &str| {
        let mut lost = certificate("web", name, "lost.example");
        lost.spec.issuer_ref.name = "nowhere".to_owned();
        lost
    };
    let all = Declared {
        issuers: vec![issuer()],
        certificates: vec![certificate("web", "good", "good.example"), lost("lost")],
        ingresses: vec![ingress("first", &["a.example"]), ingress("second", &["b.example"]), ingress("third", &[])],
        ..Declared::default()
    };
    let found = Served::foreseen(all, &Settings::default(), Timestamp::UNIX_EPOCH).troubles;
    let words = [
        (Kind::Certificate, "lost", "\"nowhere\" not found"),
        (Kind::Ingress, "second", "which is not for b.example"),
        (Kind::Ingress, "third", "spec.tls[0].hosts: Required value"),
    ];
    assert_eq!(found.len(), words.len(), "{found:#?}");
    for (found, (kind, name, words)) in found.iter().zip(words) {
        assert_eq!((found.kind, found.key.name.as_str()), (kind, name));
        assert!(found.message.contains(words), "{}", found.message);
    }
    let fine = Declared { issuers: vec![issuer()], ..declared(&[certificate("web", "good", "good.example")]) };
    assert_eq!(Served::foreseen(fine, &Settings::default(), Timestamp::UNIX_EPOCH).troubles, []);
}
