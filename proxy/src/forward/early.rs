//! What a backend says before its answer (RFC 9110 section 15.2).

use super::gate::Opener;
use flow_middleware::Interim;
use http::{Request, StatusCode};
use parking_lot::Mutex;
use std::sync::Arc;

/// Listens to what comes before the answer to `request`: `100 Continue` opens a gate, everything else is passed on to
/// the client, as Traefik does.
pub(super) fn listen<B>(request: &mut Request<B>, opener: Option<Opener>, interim: Option<Arc<Interim>>) {
    if opener.is_none() && interim.is_none() {
        return;
    }
    let opener = opener.map(|opener| Mutex::new(Some(opener)));
    hyper::ext::on_informational(request, move |response| {
        if response.status() == StatusCode::CONTINUE {
            if let Some(opener) = opener.as_ref().and_then(|opener| opener.lock().take()) {
                opener.open();
            }
        } else if let Some(interim) = &interim {
            interim.push(response.status(), response.headers());
        }
    });
}
