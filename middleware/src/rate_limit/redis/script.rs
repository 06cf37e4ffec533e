//! The token bucket as a script, which Redis runs without anybody between.
//!
//! Names and units are Traefik's, so that both can share a Redis: `last` is the time of the last request in microseconds,
//! `tokens` what was left then. A request takes a token in advance if its wait is short enough.

use super::super::bucket::Rate;
use redis::{Script, ScriptInvocation};
use std::sync::LazyLock;
use std::time::Duration;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local rate, burst, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])\n\
         local kept = redis.call('HMGET', KEYS[1], 'last', 'tokens')\n\
         local since = math.max(0, now - (tonumber(kept[1]) or 0))\n\
         local tokens = math.min(burst, (tonumber(kept[2]) or 0) + since * rate) - 1\n\
         local wait = math.max(0, -tokens / rate)\n\
         if wait > tonumber(ARGV[5]) then tokens = tokens + 1 end\n\
         redis.call('HSET', KEYS[1], 'last', ARGV[4], 'tokens', tostring(tokens))\n\
         redis.call('EXPIRE', KEYS[1], ARGV[3])\n\
         return tostring(wait)",
    )
});

/// The call for one request at `now`, in microseconds since 1970.
pub(super) fn call(key: &str, rate: &Rate, now: u64) -> ScriptInvocation<'static> {
    let mut call = SCRIPT.prepare_invoke();
    call.key(key).arg(rate.per_microsecond()).arg(rate.burst()).arg(rate.idle_seconds()).arg(now);
    call.arg(u64::try_from(rate.max_delay().as_micros()).unwrap_or(u64::MAX));
    call
}

/// The wait that the script tells, in microseconds; `None` if that is none.
pub(super) fn wait(answer: &str) -> Option<Duration> {
    let micros: f64 = answer.parse().ok()?;
    Duration::try_from_secs_f64(micros / 1e6).ok()
}
