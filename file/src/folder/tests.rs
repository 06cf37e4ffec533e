#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use std::fs;
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(&folder, name, text);
    }
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn files(folder: &TempDir) -> Files {
    Files::new(Origin::Folder(folder.path().to_owned()))
}

fn router(name: &str, path: &str) -> String {
    format!("http:\n  routers:\n    {name}: {{rule: Path(`{path}`), service: s}}\n")
}

/// The rules of the routers by name.
fn rules(reading: &Reading) -> Vec<String> {
    let mut rules: Vec<_> = reading.config.routers.iter().map(|(name, r)| format!("{name} {}", r.rule)).collect();
    rules.sort();
    rules
}

/// The diagnostics, with names of files as they are below the folder.
fn told(reading: &Reading, folder: &TempDir) -> Vec<String> {
    let root = format!("{}/", folder.path().display());
    let line = |d: &Diagnostic| format!("{}: {}", d.subject.name, d.message).replace(&root, "");
    reading.diagnostics.iter().map(line).collect()
}

#[test]
fn files_below_count_by_their_names_and_the_first_of_two_wins() {
    let folder = folder(&[
        ("b.yml", &router("b", "/b")),
        ("a.yaml", &router("same", "/first")),
        ("z/deep/c.TOML", "[http.routers.c]\nrule = 'Path(`/c`)'\nservice = 's'\n"),
        ("c.yaml", &router("same", "/second")),
        (".hidden.yaml", &router("hidden", "/hidden")),
        ("..2026/d.yaml", &router("mounted", "/mounted")),
        ("notes.txt", "not: [read"),
        ("a.json", "{\"not\": \"read"),
    ]);
    std::os::unix::fs::symlink("..2026/d.yaml", folder.path().join("d.yaml")).unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    let reading = files(&folder).read();
    let wanted =
        ["b Path(`/b`)", "c Path(`/c`)", "hidden Path(`/hidden`)", "mounted Path(`/mounted`)", "same Path(`/first`)"];
    assert_eq!(rules(&reading), wanted);
    assert_eq!(
        told(&reading, &folder),
        ["c.yaml:3:5: http.routers.same is defined in a.yaml too: that is used, as in Traefik"]
    );
}

#[test]
fn a_broken_file_keeps_its_last_good_state_and_its_neighbours_change() {
    let folder = folder(&[("a.yaml", &router("a", "/1")), ("b.yaml", &router("b", "/1"))]);
    let mut files = files(&folder);
    assert_eq!(files.read().diagnostics, []);
    write(&folder, "a.yaml", "http:\n  routers:\n    a: {rulle: x}\n");
    write(&folder, "b.yaml", &router("b", "/2"));
    let reading = files.read();
    assert_eq!(rules(&reading), ["a Path(`/1`)", "b Path(`/2`)"]);
    assert_eq!(
        told(&reading, &folder),
        [
            "a.yaml:3:9: http.routers.a.rulle: there is no such field; did you mean rule?; the file's last good state is \
          served"
        ]
    );
    write(&folder, "a.yaml", &router("a", "/2"));
    let reading = files.read();
    assert_eq!((rules(&reading).len(), reading.diagnostics.len()), (2, 0));
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    assert_eq!(rules(&files.read()), ["b Path(`/2`)"]);
    // Broken from the beginning: nothing is served of it.
    write(&folder, "c.toml", "[http\n");
    let reading = files.read();
    assert_eq!(rules(&reading), ["b Path(`/2`)"]);
    assert!(told(&reading, &folder)[0].starts_with("c.toml:1:6: "), "{:?}", reading.diagnostics);
    assert!(!told(&reading, &folder)[0].contains("last good"));
}

#[test]
fn what_did_not_change_keeps_its_identity() {
    let folder = folder(&[("a.yaml", &router("a", "/1")), ("b.yaml", &router("b", "/1"))]);
    let mut files = files(&folder);
    let first = files.read().config;
    write(&folder, "b.yaml", &format!("# the same\n{}", router("b", "/1")));
    let second = files.read().config;
    assert!(Arc::ptr_eq(&first, &second));
    write(&folder, "b.yaml", &router("b", "/2"));
    let third = files.read().config;
    assert!(Arc::ptr_eq(&first.routers["a"], &third.routers["a"]));
    assert!(!Arc::ptr_eq(&first.routers["b"], &third.routers["b"]));
}

#[test]
fn an_emptied_file_counts_as_empty_the_second_time() {
    let folder = folder(&[("a.yaml", &router("a", "/1"))]);
    let mut files = files(&folder);
    files.read();
    write(&folder, "a.yaml", "");
    assert_eq!(rules(&files.read()).len(), 1);
    assert!(files.has_emptied_file());
    assert_eq!(rules(&files.read()).len(), 0);
    assert!(!files.has_emptied_file());
}

#[test]
fn a_file_or_folder_that_is_away_keeps_what_was_served() {
    let folder = folder(&[("sub/a.yaml", &router("a", "/1"))]);
    let file = folder.path().join("sub/a.yaml");
    let mut one = Files::new(Origin::File(file.clone()));
    let mut all = Files::new(Origin::Folder(folder.path().join("sub")));
    assert_eq!((rules(&one.read()).len(), rules(&all.read()).len()), (1, 1));
    fs::remove_dir_all(folder.path().join("sub")).unwrap();
    for files in [&mut one, &mut all] {
        let reading = files.read();
        assert_eq!(rules(&reading).len(), 1);
        assert!(told(&reading, &folder)[0].contains("it cannot be read: "), "{:?}", reading.diagnostics);
    }
    write(&folder, "sub/a.yaml", &router("a", "/2"));
    assert_eq!(rules(&one.read()), ["a Path(`/2`)"]);
    let wrong = Files::new(Origin::File("/nowhere/a.json".into())).read();
    assert!(wrong.config.routers.is_empty() && wrong.diagnostics.len() == 1);
}

#[test]
fn templates_are_rendered_and_their_faults_are_told() {
    let folder = folder(&[(
        "a.yaml",
        "http:\n  routers:\n{{- range until 2 }}\n    r{{ . }}: {rule: \"Path(`/{{ . }}`)\", service: s}\n{{- end }}\n",
    )]);
    let mut files = files(&folder);
    assert_eq!(rules(&files.read()), ["r0 Path(`/0`)", "r1 Path(`/1`)"]);
    assert_eq!(files.router("r1").unwrap(), format!("{}/a.yaml (rendered):4:5", folder.path().display()));
    write(&folder, "a.yaml", "http:\n  routers: {{ genCA \"a\" 1 }}\n");
    let reading = files.read();
    assert_eq!(rules(&reading).len(), 2);
    assert_eq!(
        told(&reading, &folder),
        ["a.yaml:2:15: template: the function genCA is not served; the file's last good state is served"]
    );
    write(&folder, "a.yaml", "{{ `http: {routers: {a: {rulle: x}}}` }}");
    assert!(told(&files.read(), &folder)[0].starts_with("a.yaml (rendered):1:22: http.routers.a.rulle: "));
}

#[test]
fn certificates_count_once_and_are_read_again() {
    let entry = "tls: {certificates: [{certFile: CRT, keyFile: KEY}]}\n";
    let folder = folder(&[("one.crt", "chain"), ("one.key", "key")]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let text = entry.replace("CRT", &at("one.crt")).replace("KEY", &at("one.key"));
    write(&folder, "a.yaml", &text);
    write(&folder, "b.yaml", &text);
    let mut files = files(&folder);
    let first = files.read().config;
    assert_eq!(first.certificates.len(), 1);
    assert_eq!(files.beside(), [folder.path().join("one.crt"), folder.path().join("one.key")].into());
    write(&folder, "one.crt", "renewed");
    let second = files.read().config;
    assert_eq!(second.certificates[0].chain, b"renewed");
    assert!(!Arc::ptr_eq(&first, &second));
}
