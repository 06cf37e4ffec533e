//! Objects that are done take less memory.

use super::state::Shared;
use flow_acme::planner::View;
use flow_acme::shrink::shrunk;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Replaces objects that are done by smaller ones, once in a while.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut version = shared.version.subscribe();
    let mut seen = View::default();
    while version.changed().await.is_ok() {
        sleep(PAUSE).await;
        version.mark_unchanged();
        let mut replaced = false;
        shared.change_if(|state| {
            let small = shrunk(&state.view, &seen);
            for request in small.requests {
                state.view.requests.insert(request.key(), Arc::new(request));
                replaced = true;
            }
            for order in small.orders {
                state.view.orders.insert(order.key(), Arc::new(order));
                replaced = true;
            }
            seen = state.view.clone();
            replaced
        });
    }
}
