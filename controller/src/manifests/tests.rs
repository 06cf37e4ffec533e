#![allow(clippy::unwrap_used, reason = "tests")]

use super::reading::Folder;
use super::*;
use crate::crd::Group;
use crate::view::{Kind, ObjectKey};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

struct Bench {
    directory: TempDir,
    folder: Folder,
    view: View,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::new(directory.path().to_owned(), "");
        let bench = Self { directory, folder, view: View::default() };
        for (name, text) in files {
            bench.write(name, text);
        }
        bench
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&mut self) -> Vec<Diagnostic> {
        self.folder.read();
        self.folder.show(&mut self.view)
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        let mut names: Vec<_> = self.view.keys(kind).iter().map(ToString::to_string).collect();
        names.sort();
        names
    }
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{type: ExternalName, externalName: localhost}}\n"
    )
}

fn ingress(name: &str, class: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}}}\nspec: {{{class}tls: [{{secretName: cert}}]}}\n"
    )
}

#[test]
fn everything_below_is_read() {
    let middleware = "apiVersion: traefik.containo.us/v1alpha1\nkind: Middleware\nmetadata: {name: m, namespace: n}\nspec: {compress: {}}\n";
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: cert}\nstringData: {tls.crt: x}\ndata: {tls.key: eQ==}\n";
    let mut bench = Bench::new(&[
        ("a.yaml", &format!("{}---\n{}", service("one"), service("two"))),
        ("sub/b.yml", middleware),
        ("secret.yaml", &format!("{secret}---\n{}", secret.replace("cert", "unused"))),
        ("ingress.yaml", &ingress("i", "")),
        ("app.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"),
        (
            "list.json",
            r#"{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"three"}}]}"#,
        ),
    ]);
    assert_eq!(bench.read(), []);
    assert_eq!(bench.names(Kind::Service), ["default/one", "default/three", "default/two"]);
    assert_eq!(bench.names(Kind::Middleware(Group::TraefikContainoUs)), ["n/m"]);
    assert_eq!(bench.names(Kind::Secret), ["default/cert"], "only what is named is held");
    let secret = bench.view.secret(&ObjectKey::new("default", "cert")).unwrap();
    assert_eq!((&*secret.data["tls.crt"], &*secret.data["tls.key"]), (&b"x"[..], &b"y"[..]));
}

#[test]
fn files_come_change_and_go() {
    let mut bench = Bench::new(&[("a.yaml", &service("one"))]);
    bench.read();
    bench.write("b.yaml", &service("two"));
    bench.write("a.yaml", &service("uno"));
    bench.read();
    assert_eq!(bench.names(Kind::Service), ["default/two", "default/uno"]);
    fs::remove_file(bench.directory.path().join("b.yaml")).unwrap();
    bench.read();
    assert_eq!(bench.names(Kind::Service), ["default/uno"]);
}

#[test]
fn a_broken_document_keeps_the_last_good_state_and_the_rest_goes_on() {
    let mut bench =
        Bench::new(&[("a.yaml", &format!("{}---\n{}", service("one"), service("two"))), ("b.yaml", &service("three"))]);
    assert_eq!(bench.read(), []);
    // The second document breaks while the first changes its name.
    bench.write("a.yaml", &format!("{}---\nkind: [\n", service("uno")));
    bench.write("b.yaml", &service("drei"));
    let problems = bench.read();
    assert_eq!(bench.names(Kind::Service), ["default/drei", "default/one", "default/two", "default/uno"]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].subject.name.starts_with("a.yaml:"), "{problems:?}");
    // Repaired, its new content counts.
    bench.write("a.yaml", &service("uno"));
    assert_eq!(bench.read(), []);
    assert_eq!(bench.names(Kind::Service), ["default/drei", "default/uno"]);
}

#[test]
fn a_file_that_is_emptied_before_it_is_written_keeps_its_objects() {
    let mut bench = Bench::new(&[("a.yaml", &service("one"))]);
    bench.read();
    bench.write("a.yaml", "");
    bench.read();
    assert!(bench.folder.has_emptied_file());
    assert_eq!(bench.names(Kind::Service), ["default/one"]);
    bench.write("a.yaml", &service("two"));
    bench.read();
    assert!(!bench.folder.has_emptied_file());
    assert_eq!(bench.names(Kind::Service), ["default/two"]);
    bench.write("a.yaml", "");
    bench.read();
    bench.read();
    assert!(!bench.folder.has_emptied_file() && bench.names(Kind::Service).is_empty());
}

#[test]
fn a_field_of_a_wrong_type_names_its_place() {
    let mut bench = Bench::new(&[("a.yaml", &service("one"))]);
    bench.read();
    let wrong = service("one").replace("spec: {", "spec: {ports: 7, ");
    bench.write("a.yaml", &format!("{}---\n{wrong}", service("two")));
    let problems = bench.read();
    assert_eq!(&*problems[0].subject.name, "a.yaml:6");
    assert!(problems[0].message.contains("spec.ports"), "{}", problems[0].message);
    assert_eq!(bench.names(Kind::Service), ["default/one", "default/two"]);
}

#[test]
fn bad_files_are_diagnostics() {
    for (text, part) in [
        ("kind: Service\nmetadata: {name: x}\n", "apiVersion"),
        ("apiVersion: v1\nkind: Service\nmetadata: {}\n", "metadata.name"),
        ("just text\n", "apiVersion"),
        ("a: &a [*a]\n", "a.yaml"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: '%%%'}\n", "data"),
        ("\u{0}\u{1}", ""),
    ] {
        let mut bench = Bench::new(&[("a.yaml", text), ("b.yaml", &service("good"))]);
        let problems = bench.read();
        assert_eq!(problems.len(), 1, "{text:?}: {problems:?}");
        let said = format!("{} {}", problems[0].subject.name, problems[0].message);
        assert!(said.contains(part), "{text:?}: {said}");
        assert_eq!(bench.names(Kind::Service), ["default/good"]);
    }
}

#[test]
fn what_is_not_served_is_said_by_file_and_line() {
    let old = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: old, namespace: n}\n";
    let route = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"traefik.io/v1alpha1","kind":"IngressRouteTCP","metadata":{"name":"r"}}]}"#;
    let mut bench = Bench::new(&[
        ("a.yaml", &format!("{}---\n{old}", service("good"))),
        ("b.json", route),
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("t.yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n"),
        ("values.yaml", "replicas: 1\n"),
    ]);
    let mut said: Vec<_> = bench.read().iter().map(|d| format!("{} {}", d.subject.name, d.message)).collect();
    said.sort();
    let begins = [
        "a.yaml:6 Ingress n/old (extensions/v1beta1): ",
        "b.json:1 IngressRouteTCP r (traefik.io/v1alpha1): ",
        "kustomization.yaml:1 this is a kustomization",
        "t.yaml:1 this is a Helm template",
        "values.yaml:1 these are the values",
    ];
    assert_eq!(said.len(), begins.len(), "{said:#?}");
    assert!(said.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{said:#?}");
    assert_eq!(bench.names(Kind::Service), ["default/good"]);
    // A kind that is not served is no error of the file: its earlier content is dropped.
    bench.write("a.yaml", old);
    bench.read();
    assert_eq!(bench.names(Kind::Service), [] as [&str; 0]);
}

#[test]
fn files_are_read_as_windows_writes_them() {
    let text = format!("\u{feff}---\n{}---\n{}", service("one"), service("two")).replace('\n', "\r\n");
    let mut bench = Bench::new(&[("a.yaml", &text)]);
    assert_eq!(bench.read(), []);
    assert_eq!(bench.names(Kind::Service), ["default/one", "default/two"]);
}

#[test]
fn what_is_defined_twice_is_said() {
    let mut bench =
        Bench::new(&[("a.yaml", &service("one")), ("b.yaml", &service("one").replace("localhost", "later.test"))]);
    let problems = bench.read();
    assert!(problems[0].message.contains("a.yaml:1") && problems[0].message.contains("b.yaml:1"), "{problems:?}");
    let service = bench.view.service(&ObjectKey::new("default", "one")).unwrap();
    assert_eq!(&*service.external_name, "later.test");
}

#[test]
fn a_missing_folder_is_said_and_keeps_what_was_known() {
    let mut bench = Bench::new(&[("a.yaml", &service("one"))]);
    bench.read();
    let away = bench.directory.path().with_extension("away");
    fs::rename(bench.directory.path(), &away).unwrap();
    assert_eq!(bench.read().len(), 1);
    assert_eq!(bench.names(Kind::Service), ["default/one"]);
    fs::rename(&away, bench.directory.path()).unwrap();
    assert_eq!(bench.read(), []);
}

#[test]
fn classes_are_as_an_api_server_would_have_them() {
    let class = |bench: &Bench, name: &str| {
        bench.view.ingress(&ObjectKey::new("default", name)).unwrap().class_name.as_deref().map(str::to_owned)
    };
    // Without any class in the folder, the usual one is ours.
    let mut bench =
        Bench::new(&[("i.yaml", &ingress("plain", "")), ("c.yaml", &ingress("named", "ingressClassName: traefik, "))]);
    bench.read();
    assert!(bench.view.ingress_class("traefik").is_some_and(|class| class.ours));
    assert_eq!(class(&bench, "plain"), None);
    // With one, only it is; a default one is given to those without.
    bench.write(
        "class.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: web, annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}}\nspec: {controller: traefik.io/ingress-controller}\n",
    );
    bench.read();
    assert!(bench.view.ingress_class("traefik").is_none() && bench.view.ingress_class("web").is_some());
    assert_eq!((class(&bench, "plain").as_deref(), class(&bench, "named").as_deref()), (Some("web"), Some("traefik")));
}

async fn watched(directory: &Path) -> Manifests {
    let mut manifests = Manifests::new(directory.to_owned(), true, "", Selection::default(), Issuing::Off);
    manifests.read().await;
    manifests
}

/// Reads on changes until these are the Services.
async fn until(manifests: &mut Manifests, services: &[&str]) {
    let wanted = async {
        loop {
            manifests.changed().await;
            manifests.read().await;
            let mut names: Vec<_> = manifests.view.keys(Kind::Service).iter().map(|key| key.name.to_string()).collect();
            names.sort();
            if names == services {
                return;
            }
        }
    };
    timeout(Duration::from_secs(20), wanted).await.unwrap_or_else(|_| panic!("{services:?} did not come"));
}

#[tokio::test]
async fn changes_are_noticed() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("manifests");
    fs::create_dir(&directory).unwrap();
    let mut manifests = watched(&directory).await;

    fs::write(directory.join("a.yaml"), service("one")).unwrap();
    until(&mut manifests, &["one"]).await;
    // As editors do it: a new file takes the old one's name.
    fs::write(directory.join(".a.yaml.swp"), service("two")).unwrap();
    fs::rename(directory.join(".a.yaml.swp"), directory.join("a.yaml")).unwrap();
    until(&mut manifests, &["two"]).await;
    // A folder within, with its files.
    fs::create_dir(directory.join("sub")).unwrap();
    fs::write(directory.join("sub/b.yaml"), service("three")).unwrap();
    until(&mut manifests, &["three", "two"]).await;
    // A file is emptied for good.
    fs::write(directory.join("sub/b.yaml"), "").unwrap();
    until(&mut manifests, &["two"]).await;
    // The folder itself is replaced.
    fs::rename(&directory, root.path().join("old")).unwrap();
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("c.yaml"), service("four")).unwrap();
    until(&mut manifests, &["four"]).await;
    fs::write(directory.join("c.yaml"), service("five")).unwrap();
    until(&mut manifests, &["five"]).await;
}

#[tokio::test]
async fn a_mounted_config_map_is_swapped() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    let version = |name: &str, text: &str| {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("a.yaml"), text).unwrap();
    };
    version("..1", &service("one"));
    symlink("..1", at("..data")).unwrap();
    symlink("..data/a.yaml", at("a.yaml")).unwrap();
    let mut manifests = watched(directory.path()).await;
    assert_eq!(manifests.view.keys(Kind::Service).len(), 1);

    version("..2", &service("two"));
    symlink("..2", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    fs::remove_dir_all(at("..1")).unwrap();
    until(&mut manifests, &["two"]).await;
}

#[tokio::test]
async fn reading_alone_is_no_change() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.yaml"), service("one")).unwrap();
    let mut manifests = watched(directory.path()).await;
    // The system's late events of creating the file.
    while timeout(Duration::from_millis(300), manifests.changed()).await.is_ok() {}
    manifests.read().await;
    assert!(timeout(Duration::from_millis(300), manifests.changed()).await.is_err());
}
