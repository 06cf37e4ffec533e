#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use flow_acme::objects::{CertificateRequest, Challenge, Issuer, Meta, Order, Owner, State};
use flow_acme::planner::Objects;
use serde_json::{Value, json};

/// The object of a kind of which there is one.
fn only<T: Clone>(objects: &mut Objects<T>) -> &mut T {
    let key = objects.keys().next().unwrap().clone();
    Arc::make_mut(objects.get_mut(&key).unwrap())
}

fn owner(kind: &str, name: &str) -> Value {
    let owner = Owner::controller("v1", kind, &Meta { uid: name.to_owned(), ..Meta::named(Key::new("web", name)) });
    serde_json::to_value(vec![owner]).unwrap()
}

/// A Certificate that waits for a challenge.
fn scene(reason: &str) -> View {
    let certificate: Certificate = serde_json::from_value(json!({
        "metadata": { "name": "site", "namespace": "web", "uid": "site" },
        "spec": { "secretName": "site-tls", "dnsNames": ["a.test"], "issuerRef": { "name": "le", "kind": "ClusterIssuer" } },
        "status": { "conditions": [
            { "type": "Ready", "status": "False", "reason": "DoesNotExist", "message": "Issuing certificate as Secret does not exist" },
            { "type": "Issuing", "status": "True", "reason": "DoesNotExist", "message": "Issuing certificate as Secret does not exist" },
        ] },
    }))
    .unwrap();
    let issuer: Issuer = serde_json::from_value(json!({
        "metadata": { "name": "le" },
        "spec": { "acme": { "server": "https://ca.test", "privateKeySecretRef": { "name": "le" } } },
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    }))
    .unwrap();
    let request: CertificateRequest = serde_json::from_value(json!({
        "metadata": { "name": "site-1", "namespace": "web", "uid": "site-1", "ownerReferences": owner("Certificate", "site") },
        "spec": { "request": "", "issuerRef": { "name": "le" } },
        "status": { "conditions": [{ "type": "Ready", "status": "False", "reason": "Pending", "message": "Waiting on certificate issuance" }] },
    }))
    .unwrap();
    let order: Order = serde_json::from_value(json!({
        "metadata": { "name": "site-1-7", "namespace": "web", "uid": "site-1-7", "ownerReferences": owner("CertificateRequest", "site-1") },
        "spec": { "request": "", "issuerRef": { "name": "le" } },
        "status": { "state": "pending" },
    }))
    .unwrap();
    let mut challenge: Challenge = serde_json::from_value(json!({
        "metadata": { "name": "c", "namespace": "web", "uid": "c", "ownerReferences": owner("Order", "site-1-7") },
        "spec": { "url": "", "authorizationURL": "", "dnsName": "a.test", "type": "HTTP-01", "token": "", "key": "",
            "solver": {}, "issuerRef": { "name": "le" } },
    }))
    .unwrap();
    challenge.status.state = State::Pending;
    reason.clone_into(&mut challenge.status.reason);
    let mut view = View::default();
    view.certificates.insert(certificate.key(), Arc::new(certificate));
    view.issuers.insert(issuer.key(), Arc::new(issuer));
    view.requests.insert(request.key(), Arc::new(request));
    view.orders.insert(order.key(), Arc::new(order));
    view.challenges.insert(challenge.key(), Arc::new(challenge));
    view
}

fn shown(view: &View) -> String {
    report::one(view, &find(view, "web", "site").unwrap(), "2026-01-01T00:00:00Z".parse().unwrap())
}

#[test]
fn the_whole_way_is_shown_with_what_helps() {
    let reason = "Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200' (replica pod-2)";
    let view = scene(reason);
    let text = shown(&view);
    for words in [
        "Certificate web/site: not ready (DoesNotExist): Issuing certificate as Secret does not exist\n",
        "  names    a.test\n",
        "  secret   site-tls: not there\n",
        "  issuer   ClusterIssuer le: ready\n",
        "CertificateRequest site-1: not ready (Pending): Waiting on certificate issuance\n",
        "Order site-1-7: pending\n",
        "What to do: the pod that is named does not answer its token",
    ] {
        assert!(text.contains(words), "{words}\nis not in\n{text}");
    }
    assert!(text.contains(&format!("Challenge a.test: pending: {reason}\n")), "{text}");
    assert!(report::list(&view, "web").ends_with(&format!("site  no     -                     {reason}\n")));
    assert!(report::list(&View::default(), "web").contains("no Certificates in namespace web"));
}

#[test]
fn the_deepest_reason_decides_what_helps() {
    let advised = |view: &View| shown(view).lines().last().unwrap_or_default().to_owned();
    let dns = "acme: authorization error for a.test: 400 urn:ietf:params:acme:error:dns: could not resolve";
    assert!(advised(&scene(dns)).contains("A or AAAA record"));
    assert!(advised(&scene("")).contains("wait a moment"));
    let mut view = scene("");
    view.issuers.clear();
    let request = only(&mut view.requests);
    let message = "Referenced \"ClusterIssuer\" not found: clusterissuer.cert-manager.io \"le\" not found";
    message.clone_into(&mut request.status.conditions.first_mut().unwrap().message);
    assert!(shown(&view).contains("issuer   ClusterIssuer le: not there"));
    assert!(advised(&view).contains("create the issuer"));
}

/// Changes the Certificate of a scene.
fn changed(view: &mut View, change: impl FnOnce(&mut Certificate)) {
    change(only(&mut view.certificates));
}

#[test]
fn each_state_of_a_challenge_and_of_an_order_has_its_advice() {
    let advised = |view: &View| shown(view).lines().last().unwrap_or_default().to_owned();
    let problem = |status: u16, kind: &str| format!("{status} urn:ietf:params:acme:error:{kind}: text of the CA");
    for (reason, help) in [
        (problem(429, "rateLimited"), "wait: it is tried again"),
        (problem(503, "rateLimited"), "wait: it is tried again"),
        (problem(503, "serverInternal"), "the CA cannot be reached"),
        (problem(500, "serverInternal"), "wait a moment"),
        (problem(400, "connection"), "port 80 of the name"),
        (problem(403, "unauthorized"), "somebody else answers"),
        (problem(403, "caa"), "CAA records"),
        (problem(400, "rejectedIdentifier"), "does not issue for this name"),
        (problem(400, "accountDoesNotExist"), "delete the Secret of its key"),
        ("Waiting for it: connection refused (replica pod-2)".to_owned(), "the pod that is named"),
        (format!("Waiting for it: {}", flow_acme::http01::NO_REPLICA), "kubectl get endpointslices"),
    ] {
        assert!(advised(&scene(&reason)).contains(help), "{reason}");
    }
    let mut view = scene("what the solver's class is");
    let challenge = only(&mut view.challenges);
    challenge.status.state = State::Unknown;
    assert!(advised(&view).contains("name an Ingress class of this proxy"));
    let mut view = scene("");
    "Failed to create Order: the words of a resolver".clone_into(&mut only(&mut view.orders).status.reason);
    assert!(advised(&view).contains("the CA cannot be reached"));
}

#[test]
fn an_issuer_of_the_other_kind_is_pointed_out() {
    let mut view = scene("");
    changed(&mut view, |certificate| certificate.spec.issuer_ref.kind = "Issuer".to_owned());
    assert!(shown(&view).lines().last().unwrap().contains("correct spec.issuerRef of the Certificate: kind is"));
    view.issuers.clear();
    assert!(shown(&view).lines().last().unwrap().contains("create the issuer"));
}

#[test]
fn conditions_have_advice_by_their_reason() {
    let advised = |view: &View| shown(view).lines().last().unwrap_or_default().to_owned();
    for (reason, help) in [
        ("ErrRegisterACMEAccount", "e-mail address or external account binding"),
        ("InvalidURL", "what is wrong with it stands above"),
    ] {
        let mut view = scene("");
        let issuer = only(&mut view.issuers);
        issuer.status.conditions = serde_json::from_value(json!([{
            "type": "Ready", "status": "False", "reason": reason, "message": "503: the words of the CA",
        }]))
        .unwrap();
        assert!(advised(&view).contains("what is wrong with it stands above"), "the request waits for it: {reason}");
        view.requests.clear();
        assert!(advised(&view).contains(help), "{reason}");
    }
    let mut view = scene("");
    changed(&mut view, |certificate| certificate.status.conditions[0].reason = "IncorrectCertificate".to_owned());
    assert!(advised(&view).contains("a secretName of its own"));
}

#[test]
fn an_issuer_that_is_not_served_is_said_with_what_to_do() {
    for (kind, group, row, help) in [
        ("clusterissuer", "", "does not exist: write ClusterIssuer", "What to do: correct spec.issuerRef"),
        (
            "ClusterIssuer",
            "certmanager.k8s.io",
            "write cert-manager.io, or leave it out",
            "What to do: correct spec.issuerRef",
        ),
        ("PCA", "awspca.cert-manager.io", "is that of another signer", "What to do: name an issuer of cert-manager.io"),
        ("", "", "is of the type vault", "What to do: name an issuer of cert-manager.io with spec.acme"),
    ] {
        let mut view = scene("");
        let issuer = view.issuers.values().next().unwrap();
        let mut vault = Issuer::clone(issuer);
        vault.metadata.namespace = "web".to_owned();
        vault.spec.acme = None;
        vault.spec.vault = Some(json!({}));
        view.issuers.insert(vault.key(), Arc::new(vault));
        changed(&mut view, |certificate| {
            kind.clone_into(&mut certificate.spec.issuer_ref.kind);
            group.clone_into(&mut certificate.spec.issuer_ref.group);
        });
        let text = shown(&view);
        let issuer = text.lines().find(|line| line.starts_with("  issuer ")).unwrap();
        assert!(issuer.contains("not served: ") && issuer.contains(row), "{text}");
        assert!(text.lines().last().unwrap().starts_with(help), "{text}");
    }
}

#[test]
fn an_order_that_waits_says_why_and_until_when() {
    let mut view = scene("");
    view.requests.clear();
    changed(&mut view, |certificate| {
        let conditions = json!([
            { "type": "Ready", "status": "True" },
            { "type": "OrderHeld", "status": "True", "reason": "TooSoon",
              "message": "the next one waits until 2026-01-01T01:00:00Z: there is at most one an hour" },
        ]);
        certificate.status.conditions = serde_json::from_value(conditions).unwrap();
    });
    let text = shown(&view);
    assert!(text.contains("  waits    the next one waits until 2026-01-01T01:00:00Z"), "{text}");
    assert!(text.lines().last().unwrap().contains("flow-proxy cert renew does not wait"), "{text}");
}

#[test]
fn certificates_are_found_by_secret_and_host() {
    let view = scene("");
    for name in ["site", "site-tls", "a.test"] {
        assert!(find(&view, "web", name).is_some(), "{name}");
    }
    assert!(find(&view, "other", "site").is_none());
    assert!(find(&view, "web", "b.test").is_none());
}

#[test]
fn command_lines() {
    let read = |line: &str| Arguments::read(line.split_whitespace().map(str::to_owned));
    let wants = |command: Command, namespace: Option<&str>| {
        Some(Arguments { command, namespace: namespace.map(str::to_owned) })
    };
    assert_eq!(read("status").unwrap(), wants(Command::List, None));
    for site in ["status site -n web", "-n=web status site", "status -nweb -- site"] {
        assert_eq!(read(site).unwrap(), wants(Command::Status("site".to_owned()), Some("web")), "{site}");
    }
    assert_eq!(read("--namespace=web renew site").unwrap(), wants(Command::Renew("site".to_owned()), Some("web")));
    for help in ["", "--help", "status -h", "help"] {
        assert_eq!(read(help).unwrap(), None);
    }
    for (line, words) in [
        ("renew", "needs the NAME"),
        ("remove x", "remove is no command"),
        ("status x y", "y is too much"),
        ("status -n", "needs a namespace"),
        ("status --all", "--all is no option"),
    ] {
        assert!(read(line).unwrap_err().to_string().contains(words), "{line}");
    }
}
