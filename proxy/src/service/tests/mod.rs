#![allow(clippy::unwrap_used, reason = "tests")]
mod pipeline;
mod round_robin;
mod stickiness;

use super::*;
use flow_middleware::{Exchange, RequestContext};

#[test]
fn forwarding_is_send() {
    fn check<T: Send>(
        _: impl FnOnce(&'static Service, Exchange, &'static mut RequestContext<'static>, &'static mut UpstreamRecord) -> T,
    ) {
    }
    check(|service, exchange, context, record| service.forward(exchange, context, record));
}
