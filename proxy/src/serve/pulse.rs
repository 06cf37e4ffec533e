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
pub(super) struct Pulse {
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
    crowd: AtomicU32,
    requests: AtomicU32,
    /// Number of response heads, wrapping.
    answers: AtomicU32,
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
    pulse: Arc<Pulse>,
    /// Bytes of its head.
    head: usize,
}

impl InFlight {
    /// Notes the size of its head in bytes; returns the sum over all requests in flight.
    pub(super) fn weigh(&mut self, head: usize) -> usize {
        self.head = head;
        self.pulse.heads.fetch_add(head, Relaxed) + head
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.pulse.in_flight.fetch_sub(1, Relaxed);
        if self.head > 0 {
            self.pulse.heads.fetch_sub(self.head, Relaxed);
        }
    }
}

impl Pulse {
    /// Counts one more request; returns the number of requests so far.
    pub(super) fn begin(self: &Arc<Self>) -> (InFlight, u32) {
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        if in_flight > self.crowd.load(Relaxed) {
            self.crowd.store(in_flight, Relaxed);
        }
        let requests = self.requests.fetch_add(1, Relaxed).saturating_add(1);
        (InFlight { pulse: Arc::clone(self), head: 0 }, requests)
    }

    /// True if a request is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Relaxed) > 0
    }

    /// True if several requests were in flight at once since [`begin_turn`](Self::begin_turn).
    pub(super) fn was_crowded(&self) -> bool {
        self.crowd.load(Relaxed) > 1
    }

    /// Starts a new batch: everything handed over until now is being written.
    pub(super) fn begin_turn(&self) {
        self.crowd.store(self.in_flight.load(Relaxed), Relaxed);
    }

    /// Asks for the connection to end after the requests in flight.
    pub(super) fn ask_to_close(&self) {
        self.last_request.store(true, Relaxed);
    }

    pub(super) fn shall_close(&self) -> bool {
        self.last_request.load(Relaxed)
    }

    /// Called when the head of a response is known, after [`set_upgraded`](Self::set_upgraded) on a switch.
    pub(super) fn answered(&self) {
        self.answers.store(self.answers.load(Relaxed).wrapping_add(1), Relaxed);
        if self.reader_waits.swap(false, Relaxed)
            && let Some(reader) = self.reader.lock().take()
        {
            reader.wake();
        }
    }

    /// True if so many requests have a response. Responses come in the order of requests.
    pub(super) fn has_answered(&self, requests: u32) -> bool {
        self.answers.load(Relaxed) == requests
    }

    /// Wakes `reader` with the next response.
    pub(super) fn wake_with_answer(&self, reader: &Waker) {
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
    hurry: bool,
    /// The time when it was first asked to end.
    ending: Option<Instant>,
    born: Instant,
    wait: Wait,
    since: Instant,
}

/// The time that an unused connection may take to end. Over HTTP/2 that depends on its client.
const FAREWELL: Duration = Duration::from_secs(5);

/// The action that the limits require.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// End the unused connection.
    Close,
    /// Abort the connection.
    Cut,
    /// Go on.
    Fine,
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
            hurry: false,
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

    pub(super) fn check(&mut self, pulse: &Pulse, now: Instant) -> Verdict {
        let wait = pulse.wait();
        if wait != self.wait {
            (self.wait, self.since) = (wait, now);
        }
        let limit = match wait {
            Wait::ForBody(_) | Wait::ForHead(_) => self.read,
            Wait::ForFirst if self.hurry => self.idle,
            Wait::ForFirst => self.read,
            Wait::ForUs => Duration::ZERO,
            Wait::ForWriting(_) => self.write,
            Wait::Idle(_) => self.idle,
        };
        if !limit.is_zero() && now.duration_since(self.since) >= limit {
            if !matches!(wait, Wait::ForFirst | Wait::Idle(_)) {
                return Verdict::Cut;
            }
            let ending = *self.ending.get_or_insert(now);
            return if now.duration_since(ending) < FAREWELL { Verdict::Close } else { Verdict::Cut };
        }
        self.ending = None;
        if !self.age.is_zero() && now.duration_since(self.born) >= self.age {
            Verdict::LastRequest
        } else {
            Verdict::Fine
        }
    }

    /// From now on a connection that is idle for `patience` is ended.
    ///
    /// It does not end at once, as the next request may be under way already: it still gets its response, with
    /// `Connection: close`, while a closed socket would make it fail.
    pub(super) fn hurry(&mut self, patience: Duration, now: Instant) {
        self.idle = patience;
        self.period = self.period.min(patience / 4).max(Duration::from_millis(1));
        self.hurry = true;
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
        let (start, pulse) = (Instant::now(), Arc::new(Pulse::default()));
        let mut limits = limits(start);
        assert_eq!(limits.period(), SECOND);
        for second in 1..5 {
            pulse.read(true);
            pulse.set_reading(Reading::Head);
            assert_eq!(limits.check(&pulse, start + second * SECOND), Verdict::Fine);
        }
        assert_eq!(limits.check(&pulse, start + 5 * SECOND), Verdict::Cut, "four seconds after it began");
    }

    #[test]
    fn a_body_that_flows_takes_as_long_as_it_likes_and_a_backend_too() {
        let (start, pulse) = (Instant::now(), Arc::new(Pulse::default()));
        let mut limits = limits(start);
        let (_in_flight, requests) = pulse.begin();
        assert_eq!(requests, 1);
        pulse.set_reading(Reading::Body);
        for second in 1..50 {
            pulse.read(true);
            pulse.read(false);
            assert_eq!(limits.check(&pulse, start + second * SECOND), Verdict::Fine);
        }
        pulse.read(true);
        for second in 50..90 {
            assert_eq!(limits.check(&pulse, start + second * SECOND), Verdict::Fine, "nobody asks for more");
        }
        pulse.read(false);
        for second in 90..94 {
            assert_eq!(limits.check(&pulse, start + second * SECOND), Verdict::Fine);
        }
        assert_eq!(limits.check(&pulse, start + 94 * SECOND), Verdict::Cut);
    }

    #[test]
    fn a_client_that_takes_nothing_is_cut_off() {
        let (start, pulse) = (Instant::now(), Arc::new(Pulse::default()));
        let mut limits = limits(start);
        let _in_flight = pulse.begin();
        for second in 1..20 {
            pulse.wrote(true);
            pulse.wrote(false);
            assert_eq!(limits.check(&pulse, start + second * SECOND), Verdict::Fine);
        }
        assert_eq!(limits.check(&pulse, start + 26 * SECOND), Verdict::Fine);
        assert_eq!(limits.check(&pulse, start + 27 * SECOND), Verdict::Cut);
    }

    #[test]
    fn an_idle_connection_is_closed_and_a_used_one_not() {
        let (start, pulse) = (Instant::now(), Arc::new(Pulse::default()));
        let mut limits = limits(start);
        for second in 1..40 {
            drop(pulse.begin());
            pulse.set_reading(Reading::Nothing);
            assert_eq!(limits.check(&pulse, start + second * SECOND), Verdict::Fine);
        }
        assert_eq!(limits.check(&pulse, start + 54 * SECOND), Verdict::Fine);
        assert_eq!(limits.check(&pulse, start + 55 * SECOND), Verdict::Close);
    }

    #[test]
    fn a_client_that_does_not_take_leave_is_cut_off() {
        let (start, pulse) = (Instant::now(), Arc::new(Pulse::default()));
        let mut limits = limits(start);
        assert_eq!(limits.check(&pulse, start + 4 * SECOND), Verdict::Close);
        assert_eq!(limits.check(&pulse, start + 8 * SECOND), Verdict::Close);
        assert_eq!(limits.check(&pulse, start + 9 * SECOND), Verdict::Cut);
    }

    #[test]
    fn without_limits_nothing_ends() {
        let (start, pulse) = (Instant::now(), Arc::new(Pulse::default()));
        let zero = Duration::ZERO;
        let none = Transport { read_timeout: zero, write_timeout: zero, idle_timeout: zero, ..Transport::default() };
        let mut limits = Limits::new(&none, start);
        assert_eq!(limits.check(&pulse, start + 100_000 * SECOND), Verdict::Fine);
        let mut aged = Limits::new(&Transport { keep_alive_max_time: SECOND, ..none }, start);
        assert_eq!(aged.check(&pulse, start + SECOND), Verdict::LastRequest);
    }

    #[test]
    fn in_a_hurry_idle_connections_end_soon_but_not_at_once() {
        let (start, pulse) = (Instant::now(), Arc::new(Pulse::default()));
        let mut fresh = limits(start);
        fresh.hurry(SECOND, start);
        assert_eq!(fresh.check(&pulse, start), Verdict::Fine);
        assert_eq!(fresh.check(&pulse, start + SECOND), Verdict::Close);
        let in_flight = pulse.begin();
        let mut busy = limits(start);
        busy.hurry(SECOND, start);
        assert_eq!(busy.check(&pulse, start + 60 * SECOND), Verdict::Fine);
        drop(in_flight);
        assert_eq!(busy.check(&pulse, start + 61 * SECOND), Verdict::Fine);
        assert_eq!(busy.check(&pulse, start + 62 * SECOND), Verdict::Close);
    }
}
