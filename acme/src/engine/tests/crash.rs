use super::world::{World, all_issued, certificate};
use crate::objects::Key;
use std::sync::atomic::{AtomicI64, Ordering};

/// Kills a leader after a number of steps. A step is the beginning or the end of a write or of a call to the CA.
#[derive(Debug)]
pub(super) struct Fuse(AtomicI64);

impl Default for Fuse {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Fuse {
    pub(super) fn after(steps: i64) -> Self {
        Self(AtomicI64::new(steps))
    }

    pub(super) fn is_burnt(&self) -> bool {
        self.0.load(Ordering::SeqCst) <= 0
    }

    /// Counts one step; the last one never returns.
    pub(super) async fn burn(&self) {
        if self.0.fetch_sub(1, Ordering::SeqCst) <= 1 {
            std::future::pending::<()>().await;
        }
    }
}

/// The leader dies after `steps`; another one takes over.
async fn survives(steps: i64) -> bool {
    let world = World::new(&[certificate("a", &["a.example", "b.example"])]);
    let first = world.start(Fuse::after(steps));
    let mut died = false;
    for _ in 0..4_000 {
        if first.store.fuse.is_burnt() {
            died = true;
            break;
        }
        if all_issued(&world.view()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // Killed: nothing of it continues, and nothing is cleaned up.
    first.kill();
    let second = world.start(Fuse::default());
    world.until("the certificate", all_issued).await;
    // Nothing happens after that.
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    second.stop().await;

    let view = world.view();
    let seen = world.ca.seen.lock();
    assert_eq!(seen.issued, 1, "steps {steps}: one certificate");
    assert_eq!(seen.registered.len(), 1, "steps {steps}: one account");
    assert!(seen.orders.len() <= 2, "steps {steps}: {} orders", seen.orders.len());
    let certificate = &view.certificates[&Key::new("web", "a")];
    assert_eq!(certificate.status.revision, Some(1), "steps {steps}");
    assert_eq!(certificate.status.failed_issuance_attempts, None, "steps {steps}");
    assert_eq!(view.requests.len(), 1, "steps {steps}");
    assert_eq!(view.orders.len(), 1, "steps {steps}");
    assert!(view.challenges.is_empty(), "steps {steps}");
    let names: Vec<&str> = view.secrets.sorted().into_iter().map(|(key, _)| key.name.as_str()).collect();
    assert_eq!(names, ["letsencrypt-prod", "a"], "steps {steps}: no key is left over");
    died
}

#[tokio::test(start_paused = true)]
async fn a_leader_may_die_at_every_step() {
    let mut steps = 1;
    while survives(steps).await {
        steps += 1;
        assert!(steps < 400, "it never comes to an end");
    }
    assert!(steps > 40, "{steps} steps are too few to have seen every one");
}
