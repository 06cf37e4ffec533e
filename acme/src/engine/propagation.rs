//! The judgement whether the CA is to be asked: every replica answers, or those that do not are left out for a reason.

use crate::http01::OF_REPLICA;
use crate::http01::probe::ProbeError;
use crate::store::Replica;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// The time after which a replica that cannot be reached is left out.
const UNREACHABLE_LIMIT: Duration = Duration::from_secs(10);
/// The time after which a replica with wrong answers is left out of one challenge.
const WRONG_LIMIT: Duration = Duration::from_secs(30);
/// The largest number of challenges with wrong answers that are remembered.
const MAX_WRONG: usize = 10_000;

/// The replicas that did not answer, and since when.
#[derive(Debug, Default)]
pub(super) struct Propagation {
    /// Replicas that could not be reached, whatever the challenge.
    unreachable: HashMap<SocketAddr, Instant>,
    /// Challenges, by uid, that replicas answer wrongly.
    wrong: HashMap<(String, SocketAddr), Instant>,
}

/// The judgement of one round of questions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The CA may be asked; the words say without which replicas, if any are left out.
    Ready(Option<String>),
    /// It may not yet: the reason.
    Wait(String),
}

impl Propagation {
    /// True if a replica could not be reached for so long that it is not waited for.
    pub(super) fn is_left_out(&self, replica: &Replica, now: Instant) -> bool {
        self.unreachable.get(&replica.http).is_some_and(|since| now.duration_since(*since) >= UNREACHABLE_LIMIT)
    }

    /// Forgets replicas that are no longer there.
    pub(super) fn keep_only(&mut self, replicas: &[Replica]) {
        self.unreachable.retain(|address, _| replicas.iter().any(|replica| replica.http == *address));
        if self.wrong.len() > MAX_WRONG {
            self.wrong.clear();
        }
    }

    /// Judges the answers of a round that began at `begun`. Replicas without an answer are left out already. `own` is
    /// true if this process itself has the right answer: it counts where no replica can be reached over the network.
    pub(super) fn judge(
        &mut self,
        challenge: &str,
        replicas: &[Replica],
        answers: &[(&Replica, Result<(), ProbeError>)],
        own: bool,
        begun: Instant,
        now: Instant,
    ) -> Verdict {
        let mut right = false;
        let mut left_out = Vec::new();
        let mut waited_for = None;
        for (replica, answer) in answers {
            let wrong = (challenge.to_owned(), replica.http);
            let (since, limit, error) = match answer {
                Ok(()) => {
                    right = true;
                    self.unreachable.remove(&replica.http);
                    self.wrong.remove(&wrong);
                    continue;
                }
                Err(error @ ProbeError::Unreachable { .. }) => {
                    (*self.unreachable.entry(replica.http).or_insert(begun), UNREACHABLE_LIMIT, error)
                }
                Err(error) => {
                    self.unreachable.remove(&replica.http);
                    (*self.wrong.entry(wrong).or_insert(begun), WRONG_LIMIT, error)
                }
            };
            if now.duration_since(since) >= limit {
                left_out.push(format!("{} ({error})", replica.name));
            } else {
                waited_for.get_or_insert_with(|| format!("{error} {OF_REPLICA}{})", replica.name));
            }
        }
        let silent = replicas.iter().filter(|replica| !answers.iter().any(|(asked, _)| asked.http == replica.http));
        left_out.extend(silent.map(|replica| format!("{} (no answer in time)", replica.name)));
        if let Some(reason) = waited_for {
            return Verdict::Wait(reason);
        }
        if left_out.is_empty() {
            return Verdict::Ready(None);
        }
        let words = left_out.join(", ");
        if right || own {
            return Verdict::Ready(Some(format!("The CA is asked although replicas do not answer: {words}")));
        }
        Verdict::Wait(format!("no replica answers: {words}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn replica(name: &str, port: u16) -> Replica {
        Replica { name: name.to_owned(), http: SocketAddr::from(([10, 0, 0, 1], port)), https: None }
    }

    fn refused() -> Result<(), ProbeError> {
        Err(ProbeError::Unreachable { url: "u".to_owned(), cause: "refused".to_owned() })
    }

    #[test]
    fn a_replica_is_left_out_when_its_time_is_over() {
        let (a, b) = (replica("a", 1), replica("b", 2));
        let both = [a.clone(), b.clone()];
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut known = Propagation::default();
        let mut judge = |challenge: &str, answer: Result<(), ProbeError>, own, seconds| {
            known.judge(challenge, &both, &[(&a, answer), (&b, refused())], own, at(seconds), at(seconds))
        };
        assert!(matches!(judge("x", Ok(()), true, 0), Verdict::Wait(words) if words.contains("(replica b)")));
        assert!(matches!(judge("x", Ok(()), true, 9), Verdict::Wait(_)));
        assert!(matches!(judge("x", Ok(()), true, 10), Verdict::Ready(Some(words)) if words.contains("b (")));
        // Other challenges need not wait again.
        assert!(matches!(judge("y", Ok(()), true, 10), Verdict::Ready(Some(_))));
        // A wrong answer has a longer limit of its own for each challenge.
        assert!(matches!(judge("y", Err(ProbeError::Status(404)), true, 11), Verdict::Wait(_)));
        assert!(matches!(judge("z", Err(ProbeError::Text), true, 40), Verdict::Wait(_)));
        assert!(
            matches!(judge("y", Err(ProbeError::Status(404)), true, 41), Verdict::Ready(Some(words)) if words.contains("a ("))
        );
        // Somebody must answer: this process, if no other does.
        assert!(matches!(judge("y", refused(), true, 42), Verdict::Wait(_)));
        assert!(matches!(judge("y", refused(), false, 52), Verdict::Wait(words) if words.contains("no replica")));
        assert!(matches!(judge("y", refused(), true, 52), Verdict::Ready(Some(_))));
    }

    #[test]
    fn who_answers_again_is_waited_for_again() {
        let a = replica("a", 1);
        let all = [a.clone()];
        let start = Instant::now();
        let mut known = Propagation::default();
        let mut judge = |answer, seconds| {
            let at = start + Duration::from_secs(seconds);
            known.judge("x", &all, &[(&a, answer)], true, at, at)
        };
        assert!(matches!(judge(refused(), 0), Verdict::Wait(_)));
        assert_eq!(judge(Ok(()), 5), Verdict::Ready(None));
        assert!(matches!(judge(refused(), 12), Verdict::Wait(_)));
        assert!(matches!(judge(refused(), 22), Verdict::Ready(Some(_))));
    }
}
