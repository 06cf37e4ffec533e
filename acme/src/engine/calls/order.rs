//! Orders at the CA: placing them, and bringing them to their end.

use crate::ca::{Account, Authorization, Ca, CaError, OrderState};
use crate::objects::{Order, State};
use crate::planner::{self, Completion};
use crate::view::{Settings, View};
use crate::x509::csr::Csr;
use std::time::Duration;
use tokio::time::sleep;

/// The time for which an order that the CA is processing is asked for within one call.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first pause between two questions; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What became of an order that was placed.
pub(in crate::engine) struct Opened {
    /// The new order; `None` if it had been placed before.
    pub(in crate::engine) placed: Option<Result<OrderState, CaError>>,
    /// Its authorizations.
    pub(in crate::engine) authorizations: Result<Vec<Authorization>, CaError>,
}

/// Places an order, unless it has been placed, and reads its authorizations.
pub(super) async fn open(order: &Order, view: &View, settings: &Settings, ca: &impl Ca) -> Option<Opened> {
    let (account, mut new) = planner::opening(view, settings, order)?;
    let placed = if order.status.url.is_empty() {
        let mut result = ca.new_order(&account, &new).await;
        // The replaced certificate may be replaced already or belong to another account. The order is then placed
        // without it.
        if !new.replaces.is_empty() && result.as_ref().is_err_and(CaError::is_final) {
            new.replaces.clear();
            result = ca.new_order(&account, &new).await;
        }
        Some(result)
    } else {
        None
    };
    let urls: Vec<&String> = match &placed {
        Some(Ok(state)) => state.authorizations.iter().collect(),
        Some(Err(_)) => Vec::new(),
        None => order.status.authorizations.iter().map(|authorization| &authorization.url).collect(),
    };
    let mut found = Vec::with_capacity(urls.len());
    for url in urls {
        match ca.authorization(&account, url).await {
            Ok(authorization) => found.push(authorization),
            Err(error) => return Some(Opened { placed, authorizations: Err(error) }),
        }
    }
    Some(Opened { placed, authorizations: Ok(found) })
}

/// Submits the signing request of an order whose names are proved, waits for a moment, and fetches the chain.
pub(super) async fn complete(order: &Order, view: &View, settings: &Settings, ca: &impl Ca) -> Option<Completion> {
    let (account, _) = planner::opening(view, settings, order)?;
    let issuer = view.issuers.get(&order.spec.issuer_ref.key(&order.metadata.namespace))?;
    let preferred = issuer.spec.acme.as_ref().map_or("", |acme| acme.preferred_chain.as_str());
    let url = &order.status.url;
    let mut completion = Completion { state: Ok(OrderState::default()), chain: None };
    let ended = tokio::time::timeout(PATIENCE, async {
        let mut pause = FIRST_PAUSE;
        loop {
            let state = match ca.order(&account, url).await {
                Ok(state) if state.state == State::Ready => {
                    completion.state = Ok(state);
                    finalize(order, &account, ca).await
                }
                read => read.map_err(|error| ("retrieve Order resource", error)),
            };
            let known = state.as_ref().map(|state| (state.state, state.retry_after)).ok();
            completion.state = state;
            match known {
                // An order in `ready` was refused for now; one that is pending has names to prove.
                Some((State::Processing | State::Ready, after)) => {
                    sleep(after.unwrap_or(pause).max(pause)).await;
                    pause *= 2;
                }
                Some((State::Valid, _)) => return true,
                _ => return false,
            }
        }
    });
    if ended.await == Ok(true) {
        match ca.certificate(&account, url, preferred).await {
            Ok(chain) => completion.chain = Some(chain),
            Err(error) => completion.state = Err(("fetch the certificate", error)),
        }
    }
    Some(completion)
}

async fn finalize(order: &Order, account: &Account, ca: &impl Ca) -> Result<OrderState, (&'static str, CaError)> {
    let failed = |error| ("finalize Order", error);
    let csr = Csr::from_base64(&order.spec.request).map_err(|error| failed(CaError::Key(error.to_string())))?;
    let url = &order.status.url;
    let result = ca.finalize(account, url, &csr.der).await;
    if result.as_ref().is_err_and(CaError::is_final) {
        // An earlier leader may have submitted it and failed to record that.
        if let Ok(state) = ca.order(account, url).await
            && state.state != State::Ready
        {
            return Ok(state);
        }
    }
    result.map_err(failed)
}
