//! Counters of one object, found without their label texts.

use super::protocol::{Protocol, method_label};
use arc_swap::ArcSwap;
use flow_model::name::Name;
use hashbrown::HashMap;
use http::Method;
use parking_lot::Mutex;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// One finished exchange.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Status, or gRPC status for gRPC.
    pub code: u16,
    /// Method of the request.
    pub method: &'a Method,
    /// Kind of exchange.
    pub protocol: Protocol,
    /// From the request's head to the end of the response.
    pub duration: Duration,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body.
    pub response_bytes: u64,
    /// TLS version and cipher suite of the client's connection.
    pub tls: Option<(&'static str, &'static str)>,
    /// Values of the labels that come from headers; empty if there are none.
    pub headers: &'a [Name],
}

/// The vectors of one kind of object.
pub(super) struct Family(Arc<Vectors>);

struct Vectors {
    requests: IntCounterVec,
    tls: IntCounterVec,
    duration: HistogramVec,
    request_bytes: IntCounterVec,
    response_bytes: IntCounterVec,
    /// True if request counters have labels that come from headers.
    by_headers: bool,
    live: Mutex<Map<Names, Weak<Series>>>,
    vanished: Mutex<Vec<Vanished>>,
    /// The initial map of a series: most objects of a large cluster are idle.
    no_cells: Arc<Map<Key, Arc<Cell>>>,
    no_tls: Arc<Map<TlsKey, IntCounter>>,
}

/// Values of the labels that name an object.
type Names = Arc<[Name]>;

/// The values to remove after an object is gone.
struct Vanished {
    names: Names,
    cells: Vec<(Key, Vec<Values>)>,
    tls: Vec<TlsKey>,
}

type Key = (u16, &'static str, Protocol);
type TlsKey = (&'static str, &'static str);
/// Values of the labels that come from headers.
type Values = Box<[Name]>;

struct Cell {
    requests: Requests,
    duration: Histogram,
    request_bytes: IntCounter,
    response_bytes: IntCounter,
}

/// The request counters of a cell.
enum Requests {
    One(IntCounter),
    /// A counter for each set of values seen in requests.
    ByHeaders(ArcSwap<Map<Values, IntCounter>>),
}

/// The counters of one entry point, router or service.
pub struct Series {
    vectors: Arc<Vectors>,
    names: Names,
    cells: ArcSwap<Map<Key, Arc<Cell>>>,
    tls: ArcSwap<Map<TlsKey, IntCounter>>,
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Series").field(&self.names).finish()
    }
}

impl Family {
    pub(super) fn new(
        registry: &Registry,
        kind: &str,
        names: &[&str],
        header_labels: &[&str],
        buckets: &[f64],
    ) -> prometheus::Result<Self> {
        let labels: Vec<&str> = ["code", "method", "protocol"].iter().chain(names).copied().collect();
        let tls_labels: Vec<&str> = ["tls_version", "tls_cipher"].iter().chain(names).copied().collect();
        let name = |what: &str| format!("traefik_{kind}_{what}");
        let counter = |what: &str, help: &str, labels: &[&str]| {
            let vector = IntCounterVec::new(Opts::new(name(what), help), labels)?;
            registry.register(Box::new(vector.clone()))?;
            Ok::<_, prometheus::Error>(vector)
        };
        let duration = HistogramVec::new(
            HistogramOpts::new(
                name("request_duration_seconds"),
                format!("How long it took to process the request on a {kind}, partitioned by status code, protocol, and method."),
            )
            .buckets(buckets.to_vec()),
            &labels,
        )?;
        registry.register(Box::new(duration.clone()))?;
        let by = "partitioned by status code, protocol, and method.";
        Ok(Self(Arc::new(Vectors {
            requests: counter(
                "requests_total",
                &format!("How many HTTP requests processed on a {kind}, {by}"),
                &[&labels, header_labels].concat(),
            )?,
            by_headers: !header_labels.is_empty(),
            tls: counter(
                "requests_tls_total",
                &format!(
                    "How many HTTP requests with TLS processed on a {kind}, partitioned by TLS version and TLS cipher used."
                ),
                &tls_labels,
            )?,
            duration,
            request_bytes: counter(
                "requests_bytes_total",
                &format!("The total size of requests in bytes handled by a {kind}, {by}"),
                &labels,
            )?,
            response_bytes: counter(
                "responses_bytes_total",
                &format!("The total size of responses in bytes handled by a {kind}, {by}"),
                &labels,
            )?,
            live: Mutex::default(),
            vanished: Mutex::default(),
            no_cells: Arc::default(),
            no_tls: Arc::default(),
        })))
    }

    /// The series of the object with these label values; the same one while it is in use.
    pub(super) fn series(&self, names: &[Name]) -> Arc<Series> {
        let mut live = self.0.live.lock();
        if let Some(series) = live.get(names).and_then(Weak::upgrade) {
            return series;
        }
        let names = Names::from(names);
        let series = Arc::new(Series {
            vectors: Arc::clone(&self.0),
            names: Arc::clone(&names),
            cells: ArcSwap::new(Arc::clone(&self.0.no_cells)),
            tls: ArcSwap::new(Arc::clone(&self.0.no_tls)),
        });
        live.insert(names, Arc::downgrade(&series));
        series
    }

    /// True if the object with these label values has a series.
    pub(super) fn contains(&self, names: &[Name]) -> bool {
        self.0.live.lock().get(names).is_some_and(|series| series.strong_count() > 0)
    }

    /// Removes the series of objects that are gone.
    pub(super) fn drop_vanished(&self) {
        let vanished = std::mem::take(&mut *self.0.vanished.lock());
        if vanished.is_empty() {
            return;
        }
        let mut live = self.0.live.lock();
        live.retain(|_, series| series.strong_count() > 0);
        for Vanished { names, cells, tls } in vanished {
            if live.contains_key(&names) {
                continue;
            }
            for (key, values) in cells {
                let code = code_label(key.0);
                let labels = labels(&code, &key, &names);
                // Values that were never shown cannot be removed, and need not be.
                for values in values {
                    let _ = self.0.requests.remove_label_values(&with(&labels, &values));
                }
                let _ = self.0.duration.remove_label_values(&labels);
                let _ = self.0.request_bytes.remove_label_values(&labels);
                let _ = self.0.response_bytes.remove_label_values(&labels);
            }
            for (version, cipher) in tls {
                let labels: Vec<&str> = [version, cipher].into_iter().chain(names.iter().map(|n| &**n)).collect();
                let _ = self.0.tls.remove_label_values(&labels);
            }
        }
    }
}

impl Series {
    /// Counts one exchange.
    pub fn record(&self, sample: &Sample<'_>) {
        let key = (sample.code, method_label(sample.method), sample.protocol);
        let cells = self.cells.load();
        if let Some(cell) = cells.get(&key) {
            self.count(key, cell, sample);
        } else {
            self.count(key, &self.cell(key), sample);
        }
        if let Some(tls) = sample.tls {
            let counters = self.tls.load();
            if let Some(counter) = counters.get(&tls) {
                counter.inc();
            } else {
                self.tls_counter(tls).inc();
            }
        }
    }

    fn count(&self, key: Key, cell: &Cell, sample: &Sample<'_>) {
        match &cell.requests {
            Requests::One(counter) => counter.inc(),
            Requests::ByHeaders(counters) => {
                let known = counters.load();
                if let Some(counter) = known.get(sample.headers) {
                    counter.inc();
                } else {
                    self.request_counter(key, counters, sample.headers).inc();
                }
            }
        }
        cell.record(sample);
    }

    #[cold]
    fn request_counter(&self, key: Key, counters: &ArcSwap<Map<Values, IntCounter>>, values: &[Name]) -> IntCounter {
        let code = code_label(key.0);
        let counter = self.vectors.requests.with_label_values(&with(&labels(&code, &key, &self.names), values));
        counters.rcu(|counters| {
            let mut grown = Map::clone(counters);
            grown.insert(values.into(), counter.clone());
            grown
        });
        counter
    }

    #[cold]
    fn cell(&self, key: Key) -> Arc<Cell> {
        let code = code_label(key.0);
        let labels = labels(&code, &key, &self.names);
        let cell = Arc::new(Cell {
            requests: if self.vectors.by_headers {
                Requests::ByHeaders(ArcSwap::default())
            } else {
                Requests::One(self.vectors.requests.with_label_values(&labels))
            },
            duration: self.vectors.duration.with_label_values(&labels),
            request_bytes: self.vectors.request_bytes.with_label_values(&labels),
            response_bytes: self.vectors.response_bytes.with_label_values(&labels),
        });
        self.cells.rcu(|cells| {
            let mut grown = Map::clone(cells);
            grown.insert(key, Arc::clone(&cell));
            grown
        });
        cell
    }

    #[cold]
    fn tls_counter(&self, key: TlsKey) -> IntCounter {
        let labels: Vec<&str> = [key.0, key.1].into_iter().chain(self.names.iter().map(|n| &**n)).collect();
        let counter = self.vectors.tls.with_label_values(&labels);
        self.tls.rcu(|counters| {
            let mut grown = Map::clone(counters);
            grown.insert(key, counter.clone());
            grown
        });
        counter
    }
}

impl Drop for Series {
    fn drop(&mut self) {
        let cells = self.cells.load().iter().map(|(key, cell)| (*key, cell.requests.values())).collect();
        let tls = self.tls.load().keys().copied().collect();
        let names = Arc::clone(&self.names);
        self.vectors.vanished.lock().push(Vanished { names, cells, tls });
    }
}

impl Requests {
    /// The sets of values that have counters.
    fn values(&self) -> Vec<Values> {
        match self {
            Self::One(_) => vec![Values::default()],
            Self::ByHeaders(counters) => counters.load().keys().cloned().collect(),
        }
    }
}

impl Cell {
    fn record(&self, sample: &Sample<'_>) {
        self.duration.observe(sample.duration.as_secs_f64());
        if sample.request_bytes > 0 {
            self.request_bytes.inc_by(sample.request_bytes);
        }
        if sample.response_bytes > 0 {
            self.response_bytes.inc_by(sample.response_bytes);
        }
    }
}

fn code_label(code: u16) -> Name {
    Name::from(itoa::Buffer::new().format(code))
}

fn labels<'a>(code: &'a str, key: &Key, names: &'a [Name]) -> Vec<&'a str> {
    [code, key.1, key.2.label()].into_iter().chain(names.iter().map(|n| &**n)).collect()
}

/// Joins the values of labels with those of labels that come from headers.
fn with<'a>(labels: &[&'a str], values: &'a [Name]) -> Vec<&'a str> {
    labels.iter().copied().chain(values.iter().map(|value| &**value)).collect()
}
