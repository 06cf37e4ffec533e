//! Challenges: asking the replicas, telling the CA, and reading what it found.

use super::Means;
use super::order;
use crate::ca::{Account, Authorization, Ca, CaError};
use crate::dns_persist;
use crate::engine::propagation::Verdict;
use crate::http01::{Method, NO_REPLICA, probe};
use crate::objects::{Challenge, Key, Order, State};
use crate::planner::{self, Completion, Proof};
use crate::store::{Replica, Replicas, Store};
use flow_model::challenge::ChallengeLookup as _;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The time for which replicas and the CA are asked within one call. Longer waits are shown on the object.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first pause between two questions; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The time that a replica gets which is left out already.
const LEFT_OUT_TIMEOUT: Duration = Duration::from_secs(1);

/// What became of a challenge.
pub(in crate::engine) struct Proved {
    pub(in crate::engine) method: Method,
    pub(in crate::engine) proof: Proof,
    /// The replicas that the CA was asked without.
    pub(in crate::engine) left_out: Option<String>,
    /// What became of the order, if this was the last name to prove.
    pub(in crate::engine) completion: Option<Completion>,
}

/// Proves a name, as far as it goes without a longer wait.
pub(super) async fn prove<S: Store, C: Ca>(means: &Means<S, C>, key: &Key) -> Option<Proved> {
    let challenge = means.view.challenges.get(key)?;
    let owner = challenge.metadata.controller()?;
    let order = means.view.orders.get(&Key::new(key.namespace.clone(), owner.name.clone()))?;
    let account = planner::opening(&means.view, &means.settings, order)?.0;
    let method = Method::of(challenge)?;
    let told = challenge.status.presented && challenge.status.state == State::Processing;
    let (mut left_out, mut refusal) = (None, None);
    if !told {
        match answered(means, challenge).await {
            Ok(without) => left_out = without,
            Err(reason) => {
                return Some(Proved { method, proof: Proof::Unanswered(reason), left_out: None, completion: None });
            }
        }
        match means.ca.accept(&account, &challenge.spec.url).await {
            Ok(()) => {}
            Err(error) if error.is_final() => refusal = Some(error),
            Err(error) => return Some(Proved { method, proof: Proof::Untold(error), left_out, completion: None }),
        }
    }
    let authorization = validated(&*means.ca, &account, challenge).await;
    let valid = authorization.as_ref().is_ok_and(|authorization| authorization.state == State::Valid);
    let completion = if valid && is_last(means, order, challenge) {
        order::complete(order, &means.view, &means.settings, &*means.ca).await
    } else {
        None
    };
    Some(Proved { method, proof: Proof::Told { refusal, authorization }, left_out, completion })
}

/// True if all other names of the order are proved.
fn is_last<S, C>(means: &Means<S, C>, order: &Order, challenge: &Challenge) -> bool {
    let open = order.status.authorizations.iter().filter(|authorization| authorization.initial_state != State::Valid);
    open.filter(|authorization| authorization.url != challenge.spec.authorization_url).all(|authorization| {
        means.view.challenges.values().any(|other| {
            other.spec.authorization_url == authorization.url
                && other.status.state == State::Valid
                && other.metadata.controlled_by("Order", &order.metadata)
        })
    })
}

/// Reads the authorization until the CA has decided, for a moment.
async fn validated(ca: &impl Ca, account: &Account, challenge: &Challenge) -> Result<Authorization, CaError> {
    let end = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let result = ca.authorization(account, &challenge.spec.authorization_url).await;
        let after = match &result {
            Ok(authorization) if authorization.state == State::Pending => authorization.retry_after,
            _ => return result,
        };
        let pause_now = after.unwrap_or(pause).max(pause);
        if Instant::now() + pause_now > end {
            return result;
        }
        sleep(pause_now).await;
        pause *= 2;
    }
}

/// Asks all replicas until they answer, for a moment. Returns which of them the CA is to be asked without.
async fn answered<S: Store, C: Ca>(means: &Means<S, C>, challenge: &Challenge) -> Result<Option<String>, String> {
    if Method::of(challenge) == Some(Method::DnsPersist01) {
        return recorded(means, challenge).await.map(|()| None);
    }
    let end = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let replicas = means.store.replicas().await.map_err(|error| format!("the replicas are not known: {error}"));
        let verdict = match replicas? {
            Replicas::Alone => return Ok(None),
            Replicas::All(replicas) if replicas.is_empty() => Verdict::Wait(NO_REPLICA.to_owned()),
            Replicas::All(replicas) => asked(means, challenge, &replicas).await?,
        };
        match verdict {
            Verdict::Ready(without) => return Ok(without),
            Verdict::Wait(reason) if Instant::now() + pause > end => return Err(reason),
            Verdict::Wait(_) => {}
        }
        sleep(pause).await;
        pause *= 2;
    }
}

/// Looks for the record that proves a name. Without it the CA would refuse the order.
async fn recorded<S: Store, C: Ca>(means: &Means<S, C>, challenge: &Challenge) -> Result<(), String> {
    let spec = &challenge.spec;
    let name = dns_persist::record_name(&spec.dns_name);
    let found = dns_persist::texts(&means.settings.name_servers, &name).await;
    let checked = found.and_then(|found| dns_persist::check(&found, &spec.key, &spec.token, means.now));
    checked.map_err(|why| format!("create the TXT record {name} with {:?} ({why})", spec.key))
}

/// Asks every replica once.
async fn asked<S: Store, C: Ca>(
    means: &Means<S, C>,
    challenge: &Challenge,
    replicas: &[Replica],
) -> Result<Verdict, String> {
    let spec = &challenge.spec;
    let method = Method::of(challenge).ok_or("flow-proxy solves HTTP-01 and TLS-ALPN-01 only")?;
    let begun = Instant::now();
    let probes = replicas.iter().map(|replica| async move {
        let probe = async {
            match (method, replica.https) {
                (Method::Http01, _) => probe::http(replica.http, &spec.dns_name, &spec.token, &spec.key).await,
                (Method::TlsAlpn01, Some(https)) => probe::tls_alpn(https, &spec.dns_name, &spec.key).await,
                (Method::DnsPersist01, _) => Ok(()),
                (Method::TlsAlpn01, None) => Err(probe::ProbeError::Unreachable {
                    url: replica.name.clone(),
                    cause: "it has no TLS listener".to_owned(),
                }),
            }
        };
        if !means.propagation.lock().is_left_out(replica, begun) {
            return Some(probe.await);
        }
        timeout(LEFT_OUT_TIMEOUT, probe).await.ok()
    });
    let answers = join_all(probes).await;
    let answers: Vec<_> =
        replicas.iter().zip(answers).filter_map(|(replica, answer)| Some((replica, answer?))).collect();
    let own = method == Method::TlsAlpn01
        || means.table.response(&spec.dns_name, &spec.token).is_some_and(|key| *key == *spec.key);
    let mut propagation = means.propagation.lock();
    propagation.keep_only(replicas);
    Ok(propagation.judge(&challenge.metadata.uid, replicas, &answers, own, begun, Instant::now()))
}
