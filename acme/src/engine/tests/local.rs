//! The usual beginning of a CA of one's own: an issuer that signs itself, a CA by it, an issuer with that CA.

use super::crash::Fuse;
use super::world::{World, all_issued, certificate};
use crate::objects::{
    CaSpec, Certificate, ConditionStatus, Issuer, IssuerRef, IssuerSpec, Key, Meta, Object, SelfSignedSpec, condition,
};
use crate::planner::{Object as Written, Write};
use crate::store::Store as _;
use crate::x509::chain;

fn issuer(name: &str, spec: IssuerSpec) -> Issuer {
    Object { metadata: Meta::named(Key::new("web", name)), spec, status: Default::default() }
}

fn of(issuer: &str, mut certificate: Certificate) -> Certificate {
    certificate.spec.issuer_ref = IssuerRef { name: issuer.to_owned(), ..IssuerRef::default() };
    certificate
}

fn objects() -> Vec<Written> {
    let mut root = of("selfsigned", certificate("root", &[]));
    root.spec.common_name = "our own CA".to_owned();
    root.spec.is_ca = true;
    let own = IssuerSpec { self_signed: Some(SelfSignedSpec::default()), ..IssuerSpec::default() };
    let ca = CaSpec { secret_name: "root".to_owned(), ..CaSpec::default() };
    let ca = IssuerSpec { ca: Some(ca), ..IssuerSpec::default() };
    vec![
        issuer("selfsigned", own).into(),
        root.into(),
        issuer("ca", ca).into(),
        of("ca", certificate("leaf", &["a.internal"])).into(),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_ca_of_ones_own_begins_from_its_objects_in_any_order() {
    for turn in 0..4 {
        let world = World::new(&[]);
        let engine = world.start(Fuse::default());
        let mut objects = objects();
        objects.rotate_left(turn);
        for object in objects {
            engine.store.write(&Write::Create(object)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
        let two = |view: &crate::view::View| view.certificates.len() == 2 && all_issued(view);
        world.until("the certificates", two).await;
        engine.stop().await;

        let view = world.view();
        let leaf = &view.secrets[&Key::new("web", "leaf")];
        let root = &view.secrets[&Key::new("web", "root")];
        assert_eq!(leaf.data["ca.crt"], root.data["tls.crt"]);
        assert_eq!(root.data["ca.crt"], root.data["tls.crt"]);
        assert_eq!(chain::top_issuer(&leaf.data["tls.crt"]).unwrap(), "our own CA");
        assert_eq!(leaf.leaf().unwrap().dns_names, ["a.internal"]);
        assert_eq!(view.orders.len(), 0);
        assert_eq!(world.ca.seen.lock().issued, 0, "no ACME server was asked");
        let ready = condition(&view.issuers[&Key::new("web", "ca")].status.conditions, "Ready").unwrap().clone();
        assert_eq!((ready.status, &*ready.reason), (ConditionStatus::True, "KeyPairVerified"));
        // One request each: none was signed twice.
        assert_eq!(view.requests.len(), 2, "turn {turn}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_dies_anywhere_leaves_one_certificate() {
    for steps in 1..30 {
        let world = World::new(&[]);
        objects().into_iter().for_each(|object| world.apply(&Write::Create(object)));
        let first = world.start(Fuse::after(steps));
        for _ in 0..500 {
            if first.store.fuse.is_burnt() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        first.kill();
        let second = world.start(Fuse::default());
        world.until("the certificates", all_issued).await;
        second.stop().await;
        let view = world.view();
        assert_eq!(view.requests.len(), 2, "steps {steps}");
        assert!(view.certificates.values().all(|c| c.status.revision == Some(1)), "steps {steps}");
        assert_eq!(
            view.secrets[&Key::new("web", "leaf")].data["ca.crt"],
            view.secrets[&Key::new("web", "root")].data["tls.crt"]
        );
    }
}
