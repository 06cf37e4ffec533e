//! The activity of a connection, cheap enough to be recorded with every read, write and request, and the time limits of
//! a connection with one coarse timer.

use flow_model::entry_point::Transport;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::task::Waker;
use std::time::{Duration, Instant};

/// Shared by a connection's socket, its requests and the task that drives it.
#[derive(Debug, Default)]
pub(super) struct ConnectionActivity {
    reading: AtomicU8,
    /// The last read found no data (the last write found no room).
    read_waits: AtomicBool,
    write_waits: AtomicBool,
    /// Number of successful reads (writes), wrapping.
    reads: AtomicU32,
    writes: AtomicU32,
    in_flight: AtomicU32,
    /// Bytes of the heads of requests in flight.
    heads: AtomicUsize,
    /// The most requests in flight at once since the current batch began.
    peak_in_flight: AtomicU32,
    requests: AtomicU32,
    /// Number of response heads, wrapping.
    responses: AtomicU32,
    /// The connection's task, while it waits for a response before it reads on.
    reader: Mutex<Option<Waker>>,
    reader_waits: AtomicBool,
    last_request: AtomicBool,
    upgraded: AtomicBool,
}

/// The part of a request that the client is sending on an HTTP/1 connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Reading {
    Nothing,
    Head,
    Body,
    Unknown,
}

/// One request and its response, until the response's last byte is handed over.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<ConnectionActivity>,
    /// Bytes of its head.
    head: usize,
}

impl InFlight {
    /// Notes the size of its head in bytes; returns the sum over all requests in flight.
    pub(super) fn add_head(&mut self, head: usize) -> usize {
        self.head = head;
        self.activity.heads.fetch_add(head, Relaxed) + head
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.activity.in_flight.fetch_sub(1, Relaxed);
        if self.head > 0 {
            self.activity.heads.fetch_sub(self.head, Relaxed);
        }
    }
}

impl ConnectionActivity {
    /// Counts one more request; returns the number of requests so far.
    pub(super) fn begin(self: &Arc<Self>) -> (InFlight, u32) {
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        if in_flight > self.peak_in_flight.load(Relaxed) {
            self.peak_in_flight.store(in_flight, Relaxed);
        }
        let requests = self.requests.fetch_add(1, Relaxed).saturating_add(1);
        (InFlight { activity: Arc::clone(self), head: 0 }, requests)
    }

    /// True if a request is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Relaxed) > 0
    }

    /// True if several requests were in flight at once since [`start_batch`](Self::start_batch).
    pub(super) fn had_concurrent(&self) -> bool {
        self.peak_in_flight.load(Relaxed) > 1
    }

    /// Starts a new batch: everything handed over until now is being written.
    pub(super) fn start_batch(&self) {
        self.peak_in_flight.store(self.in_flight.load(Relaxed), Relaxed);
    }

    /// Asks for the connection to end after the requests in flight.
    pub(super) fn request_close(&self) {
        self.last_request.store(true, Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.last_request.load(Relaxed)
    }

    /// Called when the head of a response is known, after [`set_upgraded`](Self::set_upgraded) on a switch.
    pub(super) fn response_started(&self) {
        self.responses.store(self.responses.load(Relaxed).wrapping_add(1), Relaxed);
        if self.reader_waits.swap(false, Relaxed)
            && let Some(reader) = self.reader.lock().take()
        {
            reader.wake();
        }
    }

    /// True if so many requests have a response. Responses come in the order of requests.
    pub(super) fn has_responded(&self, requests: u32) -> bool {
        self.responses.load(Relaxed) == requests
    }

    /// Wakes `reader` with the next response.
    pub(super) fn wake_with_response(&self, reader: &Waker) {
        *self.reader.lock() = Some(reader.clone());
        self.reader_waits.store(true, Relaxed);
    }

    /// Called when the connection switches to another protocol.
    pub(super) fn set_upgraded(&self) {
        self.upgraded.store(true, Relaxed);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Relaxed)
    }

    pub(super) fn set_reading(&self, reading: Reading) {
        self.reading.store(reading as u8, Relaxed);
    }

    /// True if the client may still be sending a part of a request.
    pub(super) fn is_receiving(&self) -> bool {
        self.reading.load(Relaxed) != Reading::Nothing as u8
    }

    /// Called after a read; `gave` if there was data.
    pub(super) fn read(&self, gave: bool) {
        self.read_waits.store(!gave, Relaxed);
        if gave {
            self.reads.store(self.reads.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    /// Called after a write; `took` if there was room.
    pub(super) fn wrote(&self, took: bool) {
        self.write_waits.store(!took, Relaxed);
        if took {
            self.writes.store(self.writes.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    fn wait(&self) -> Wait {
        let reading = self.reading.load(Relaxed);
        if !self.is_busy() {
            let requests = self.requests.load(Relaxed);
            if self.write_waits.load(Relaxed) {
                return Wait::ForWriting(self.writes.load(Relaxed));
            }
            return if reading == Reading::Head as u8 || reading == Reading::Body as u8 {
                Wait::ForHead(requests)
            } else if requests == 0 {
                Wait::ForFirst
            } else {
                Wait::Idle(requests)
            };
        }
        if self.write_waits.load(Relaxed) {
            Wait::ForWriting(self.writes.load(Relaxed))
        } else if reading == Reading::Body as u8 && self.read_waits.load(Relaxed) {
            Wait::ForBody(self.reads.load(Relaxed))
        } else {
            Wait::ForUs
        }
    }
}

/// The event that a connection waits for; equal values are the same wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wait {
    /// The rest of a body from the client.
    ForBody(u32),
    /// The first request.
    ForFirst,
    /// The rest of a head. Bytes do not count as progress: a slow head is an attack.
    ForHead(u32),
    /// The handler or the backend.
    ForUs,
    /// Room to write; the client does not read the response.
    ForWriting(u32),
    /// The next request.
    Idle(u32),
}

/// The time limits of one connection.
///
/// They are checked a few times within the shortest of them, so a wait ends at most a quarter of that later.
#[derive(Debug)]
pub(super) struct Limits {
    read: Duration,
    write: Duration,
    idle: Duration,
    age: Duration,
    period: Duration,
    draining: bool,
    /// The time when it was first asked to end.
    ending: Option<Instant>,
    born: Instant,
    wait: Wait,
    since: Instant,
}

/// The time that an unused connection may take to end. Over HTTP/2 that depends on its client.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The action that the limits require.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LimitAction {
    /// End the unused connection.
    Close,
    /// Abort the connection.
    Abort,
    /// Go on.
    Continue,
    /// End with the next response.
    LastRequest,
}

impl Limits {
    pub(super) fn new(transport: &Transport, now: Instant) -> Self {
        let Transport {
            read_timeout: read, write_timeout: write, idle_timeout: idle, keep_alive_max_time: age, ..
        } = *transport;
        let shortest = [read, write, idle, age].into_iter().filter(|limit| !limit.is_zero()).min();
        let period = shortest.unwrap_or(Duration::from_secs(3600)) / 4;
        Self {
            read,
            write,
            idle,
            age,
            period: period.max(Duration::from_millis(1)),
            draining: false,
            ending: None,
            born: now,
            wait: Wait::ForFirst,
            since: now,
        }
    }

    /// The interval at which [`check`](Self::check) is to be called.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    pub(super) fn check(&mut self, activity: &ConnectionActivity, now: Instant) -> LimitAction {
        let wait = activity.wait();
        if wait != self.wait {
            (self.wait, self.since) = (wait, now);
        }
        let limit = match wait {
            Wait::ForBody(_) | Wait::ForHead(_) => self.read,
            Wait::ForFirst if self.draining => self.idle,
            Wait::ForFirst => self.read,
            Wait::ForUs => Duration::ZERO,
            Wait::ForWriting(_) => self.write,
            Wait::Idle(_) => self.idle,
        };
        if !limit.is_zero() && now.duration_since(self.since) >= limit {
            if !matches!(wait, Wait::ForFirst | Wait::Idle(_)) {
                return LimitAction::Abort;
            }
            let ending = *self.ending.get_or_insert(now);
            return if now.duration_since(ending) < CLOSE_TIMEOUT { LimitAction::Close } else { LimitAction::Abort };
        }
        self.ending = None;
        if !self.age.is_zero() && now.duration_since(self.born) >= self.age {
            LimitAction::LastRequest
        } else {
            LimitAction::Continue
        }
    }

    /// From now on a connection that is idle for `idle` is ended.
    ///
    /// It does not end at once, as the next request may be under way already: it still gets its response, with
    /// `Connection: close`, while a closed socket would make it fail.
    pub(super) fn start_drain(&mut self, idle: Duration, now: Instant) {
        self.idle = idle;
        self.period = self.period.min(idle / 4).max(Duration::from_millis(1));
        self.draining = true;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits(now: Instant) -> Limits {
        let transport = Transport {
            read_timeout: 4 * SECOND,
            write_timeout: 8 * SECOND,
            idle_timeout: 16 * SECOND,
            ..Transport::default()
        };
        Limits::new(&transport, now)
    }

    #[test]
    fn a_slow_head_is_cut_off_however_it_trickles() {
        let (start, activity) = (Instant::now(), Arc::new(ConnectionActivity::default()));
        let mut limits = limits(start);
        assert_eq!(limits.period(), SECOND);
        for second in 1..5 {
            activity.read(true);
            activity.set_reading(Reading::Head);
            assert_eq!(limits.check(&activity, start + second * SECOND), LimitAction::Continue);
        }
        assert_eq!(limits.check(&activity, start + 5 * SECOND), LimitAction::Abort, "four seconds after it began");
    }

    #[test]
    fn a_body_that_flows_takes_as_long_as_it_likes_and_a_backend_too() {
        let (start, activity) = (Instant::now(), Arc::new(ConnectionActivity::default()));
        let mut limits = limits(start);
        let (_in_flight, requests) = activity.begin();
        assert_eq!(requests, 1);
        activity.set_reading(Reading::Body);
        for second in 1..50 {
            activity.read(true);
            activity.read(false);
            assert_eq!(limits.check(&activity, start + second * SECOND), LimitAction::Continue);
        }
        activity.read(true);
        for second in 50..90 {
            assert_eq!(limits.check(&activity, start + second * SECOND), LimitAction::Continue, "nobody asks for more");
        }
        activity.read(false);
        for second in 90..94 {
            assert_eq!(limits.check(&activity, start + second * SECOND), LimitAction::Continue);
        }
        assert_eq!(limits.check(&activity, start + 94 * SECOND), LimitAction::Abort);
    }

    #[test]
    fn a_client_that_takes_nothing_is_cut_off() {
        let (start, activity) = (Instant::now(), Arc::new(ConnectionActivity::default()));
        let mut limits = limits(start);
        let _in_flight = activity.begin();
        for second in 1..20 {
            activity.wrote(true);
            activity.wrote(false);
            assert_eq!(limits.check(&activity, start + second * SECOND), LimitAction::Continue);
        }
        assert_eq!(limits.check(&activity, start + 26 * SECOND), LimitAction::Continue);
        assert_eq!(limits.check(&activity, start + 27 * SECOND), LimitAction::Abort);
    }

    #[test]
    fn an_idle_connection_is_closed_and_a_used_one_not() {
        let (start, activity) = (Instant::now(), Arc::new(ConnectionActivity::default()));
        let mut limits = limits(start);
        for second in 1..40 {
            drop(activity.begin());
            activity.set_reading(Reading::Nothing);
            assert_eq!(limits.check(&activity, start + second * SECOND), LimitAction::Continue);
        }
        assert_eq!(limits.check(&activity, start + 54 * SECOND), LimitAction::Continue);
        assert_eq!(limits.check(&activity, start + 55 * SECOND), LimitAction::Close);
    }

    #[test]
    fn a_client_that_does_not_take_leave_is_cut_off() {
        let (start, activity) = (Instant::now(), Arc::new(ConnectionActivity::default()));
        let mut limits = limits(start);
        assert_eq!(limits.check(&activity, start + 4 * SECOND), LimitAction::Close);
        assert_eq!(limits.check(&activity, start + 8 * SECOND), LimitAction::Close);
        assert_eq!(limits.check(&activity, start + 9 * SECOND), LimitAction::Abort);
    }

    #[test]
    fn without_limits_nothing_ends() {
        let (start, activity) = (Instant::now(), Arc::new(ConnectionActivity::default()));
        let zero = Duration::ZERO;
        let none = Transport { read_timeout: zero, write_timeout: zero, idle_timeout: zero, ..Transport::default() };
        let mut limits = Limits::new(&none, start);
        assert_eq!(limits.check(&activity, start + 100_000 * SECOND), LimitAction::Continue);
        let mut aged = Limits::new(&Transport { keep_alive_max_time: SECOND, ..none }, start);
        assert_eq!(aged.check(&activity, start + SECOND), LimitAction::LastRequest);
    }

    #[test]
    fn when_draining_idle_connections_end_soon_but_not_at_once() {
        let (start, activity) = (Instant::now(), Arc::new(ConnectionActivity::default()));
        let mut fresh = limits(start);
        fresh.start_drain(SECOND, start);
        assert_eq!(fresh.check(&activity, start), LimitAction::Continue);
        assert_eq!(fresh.check(&activity, start + SECOND), LimitAction::Close);
        let in_flight = activity.begin();
        let mut busy = limits(start);
        busy.start_drain(SECOND, start);
        assert_eq!(busy.check(&activity, start + 60 * SECOND), LimitAction::Continue);
        drop(in_flight);
        assert_eq!(busy.check(&activity, start + 61 * SECOND), LimitAction::Continue);
        assert_eq!(busy.check(&activity, start + 62 * SECOND), LimitAction::Close);
    }
}
