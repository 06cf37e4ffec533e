#![allow(clippy::unwrap_used, reason = "tests")]
mod round_robin;
mod stickiness;

use super::*;

#[test]
fn forwarding_is_send() {
    fn check<T: Send>(_: impl FnOnce(&'static Service, Exchange, &'static mut Hop) -> T) {}
    check(|service, exchange, hop| service.forward(exchange, ForwardedFor::Append, hop));
}
