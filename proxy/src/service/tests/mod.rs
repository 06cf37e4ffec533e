#![allow(clippy::unwrap_used, reason = "tests")]
mod round_robin;
mod stickiness;

use super::*;

#[test]
fn forwarding_is_send() {
    fn check<T: Send>(_: impl FnOnce(&'static Service, Exchange, &'static mut UpstreamRecord) -> T) {}
    check(|service, exchange, record| service.forward(exchange, ForwardedFor::Append, record));
}
