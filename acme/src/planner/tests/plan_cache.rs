use super::scene::{Scene, certificate, now};
use crate::names::FAO;
use crate::objects::{Certificate, Key, Secret};
use crate::planner::{PlanCache, plan, plan_with_cache};
use crate::view::View;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// A view without work, and its cache.
fn idle(scene: &Scene) -> (View, PlanCache) {
    let mut view = scene.view();
    let mut cache = PlanCache::default();
    for _ in 0..5 {
        let made = plan_with_cache(&view, &scene.settings, now(), &mut cache);
        for write in made.steps.iter().flat_map(|step| &step.writes) {
            match write {
                crate::planner::Write::Status(crate::planner::Object::Certificate(one)) => {
                    view.certificates.insert(one.key(), Arc::new(Certificate::clone(one)));
                }
                crate::planner::Write::Apply(one) => {
                    view.secrets.insert(one.key(), Arc::new(Secret::clone(one)));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(cache.len(), view.certificates.len());
    (view, cache)
}

fn later(seconds: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

#[test]
fn a_memo_never_changes_what_is_planned() {
    let scene = Scene::new();
    let (view, mut cache) = idle(&scene);
    let key = Key::new("web", "a");
    // A cached certificate stays cached, and the plan still has its wake-up time.
    let again = plan_with_cache(&view, &scene.settings, later(5), &mut cache);
    assert_eq!(again, plan(&view, &scene.settings, later(5)));
    assert!(again.wake.is_some());
    // Each change is noticed: of the Secret, the Certificate, its request, its issuer, and a rival for its Secret.
    let mut changes: Vec<View> = vec![view.clone(); 5];
    let mut changed = Secret::clone(&view.secrets[&key]);
    changed.metadata.labels.remove(FAO);
    changes[0].secrets.insert(key.clone(), Arc::new(changed));
    let mut changed = Certificate::clone(&view.certificates[&key]);
    changed.spec.dns_names.push("b.example".to_owned());
    changes[1].certificates.insert(key.clone(), Arc::new(changed));
    changes[2].requests.clear();
    changes[3].issuers.clear();
    let mut elder = certificate("elder", &["elder.example"]);
    elder.spec.secret_name = "a".to_owned();
    changes[4].certificates.insert(elder.key(), Arc::new(elder));
    for changed in &changes {
        let (_, mut cache) = idle(&scene);
        let _ = plan_with_cache(&view, &scene.settings, now(), &mut cache);
        let made = plan_with_cache(changed, &scene.settings, now(), &mut cache);
        assert_eq!(made, plan(changed, &scene.settings, now()));
    }
    // So is the passing of time.
    let day = 86_400;
    for days in [59, 61, 91] {
        let made = plan_with_cache(&view, &scene.settings, later(days * day), &mut cache);
        assert_eq!(made, plan(&view, &scene.settings, later(days * day)), "{days}");
    }
}

#[test]
fn what_is_gone_is_forgotten() {
    let scene = Scene::new();
    let (mut view, mut cache) = idle(&scene);
    view.certificates.clear();
    let _ = plan_with_cache(&view, &scene.settings, now(), &mut cache);
    assert_eq!(cache.len(), 0);
}
