use super::crash::Fuse;
use super::world::{World, all_issued, certificate};
use crate::names::{CERTIFICATE_NAME, spread};
use crate::objects::{Key, Meta, Secret};
use crate::planner::{Planner, plan};
use crate::view::{IngressFacts, IngressTls, View};
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;

/// Views of a cluster while certificates are issued, each as it is and with something changed by others.
async fn views() -> Vec<View> {
    let mut shared = certificate("b", &["b.example", "a.example"]);
    shared.spec.secret_name = "shared".to_owned();
    let mut rival = certificate("c", &["c.example"]);
    rival.spec.secret_name = "shared".to_owned();
    let world = World::new(&[certificate("a", &["a.example"]), shared, rival]);
    let replica = world.start(Fuse::default());
    let mut views = Vec::new();
    let done = |view: &View| view.certificates.values().filter(|c| c.status.revision.is_some()).count() >= 2;
    while !done(&world.view()) || !world.view().challenges.is_empty() {
        views.push(world.view());
        tokio::time::sleep(Duration::from_millis(7)).await;
        assert!(views.len() < 5_000, "the certificates are never issued");
    }
    views.push(world.view());
    replica.stop().await;
    assert!(!all_issued(&world.view()), "the rival is never issued");
    let changed: Vec<View> = views.iter().enumerate().map(|(number, view)| changed(view, number)).collect();
    views.into_iter().zip(changed).flat_map(|(view, changed)| [view, changed]).collect()
}

/// A view after somebody else's change.
fn changed(view: &View, number: usize) -> View {
    let mut view = view.clone();
    match number % 7 {
        0 => view.secrets.clear(),
        1 => view.issuers.clear(),
        2 => view.orders.clear(),
        3 => drop(view.classes.insert(format!("class-{number}"))),
        4 => {
            for (key, secret) in view.secrets.clone().sorted() {
                let mut other = Secret::clone(secret);
                other.metadata.annotations.insert(CERTIFICATE_NAME.to_owned(), "c".to_owned());
                view.secrets.insert(key.clone(), Arc::new(other));
            }
        }
        5 => view.certificates.retain(|key, _| key.name != "b"),
        _ => {
            for name in ["one", "two"] {
                let mut metadata = Meta::named(Key::new("web", name));
                metadata.uid = name.to_owned();
                metadata.annotations.insert("cert-manager.io/cluster-issuer".to_owned(), "letsencrypt-prod".to_owned());
                let tls = IngressTls { hosts: vec![format!("{name}.example")], secret_name: "shared".to_owned() };
                view.ingresses.insert(metadata.key(), Arc::new(IngressFacts { metadata, tls: vec![tls] }));
            }
        }
    }
    view
}

#[tokio::test(start_paused = true)]
async fn plans_that_follow_changes_are_those_from_nothing() {
    let views = views().await;
    let settings = Arc::new(crate::view::Settings::default());
    let now = super::world::simulated();
    let now = jiff::Timestamp::from_second(now.as_second()).unwrap();
    let mut planner = Planner::new(Arc::clone(&settings));
    let mut work = 0;
    for step in 0..600_u64 {
        let at = usize::try_from(spread(&["view", &step.to_string()], views.len() as u64)).unwrap();
        let view = Arc::new(views[at].clone());
        planner.advance(&view, Vec::new(), now);
        let whole = plan(&view, &settings, now);
        assert_eq!(planner.whole(), whole, "step {step}, view {at}");
        work += whole.steps.len() + whole.calls.len();
    }
    assert!(work > 600, "{work} steps and calls are too few to show anything");
    // Time passes over a view that stays.
    let last = Arc::new(views[views.len() - 2].clone());
    planner.advance(&last, Vec::new(), now);
    for days in [0, 30, 59, 61, 91, 40_000] {
        let later = now + SignedDuration::from_hours(24 * days);
        planner.advance(&last, Vec::new(), later);
        let (found, wanted) = (planner.whole(), plan(&last, &settings, later));
        assert_eq!((found.calls, found.wake), (wanted.calls, wanted.wake), "after {days} days");
        assert_eq!(found.steps.len(), wanted.steps.len(), "after {days} days");
    }
}
