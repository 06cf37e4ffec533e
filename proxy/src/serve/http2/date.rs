//! The value of `Date`, written once a second.

use http::HeaderValue;
use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

thread_local! {
    /// The latest value, and its time in seconds since 1970.
    static LATEST: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) };
}

/// The current time.
pub(super) fn now() -> HeaderValue {
    at(SystemTime::now())
}

fn at(time: SystemTime) -> HeaderValue {
    let second = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LATEST.with_borrow_mut(|(latest, value)| {
        if *latest != second {
            *latest = second;
            *value = HeaderValue::try_from(httpdate::fmt_http_date(time)).unwrap_or(HeaderValue::from_static(""));
        }
        value.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_is_the_second_that_is_asked_for() {
        let time = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(at(time(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(time(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(time(784_111_778)), "Sun, 06 Nov 1994 08:49:38 GMT");
    }
}
