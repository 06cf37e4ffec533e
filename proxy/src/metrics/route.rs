//! Counters of a route, created by its first request.

use super::{Metrics, Sample, Series};
use arc_swap::ArcSwap;
use flow_model::name::Name;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The counters of a route's requests. Most routes of a large cluster are idle, and hold no counters.
pub(crate) struct RouteSeries {
    metrics: Arc<Metrics>,
    made: OnceLock<Box<Made>>,
}

/// The labels of the counters.
#[derive(Clone, Copy)]
pub(crate) struct Counted<'a> {
    pub(crate) router: &'a Name,
    pub(crate) service: &'a Name,
    /// True if the proxy itself responds, which has no series as a service.
    pub(crate) internal: bool,
}

struct Made {
    router: Option<Arc<Series>>,
    service: Option<Arc<Series>>,
    /// The load balancers behind the service that were reached. Few, so that a list is quicker than a map.
    reached: ArcSwap<Vec<(Name, Arc<Series>)>>,
}

impl RouteSeries {
    /// Takes over existing counters.
    pub(crate) fn new(metrics: &Arc<Metrics>, counted: Counted<'_>) -> Self {
        let series = Self { metrics: Arc::clone(metrics), made: OnceLock::new() };
        if metrics.is_counted(counted.router, counted.service) {
            series.made(counted);
        }
        series
    }

    /// Counts one exchange. `reached` is the load balancer that was reached: for a service of other services it has the
    /// series of its own, as in Traefik.
    pub(crate) fn record(&self, counted: Counted<'_>, reached: Option<&Name>, sample: &Sample<'_>) {
        let made = self.made(counted);
        if let Some(series) = &made.router {
            series.record(sample);
        }
        match reached {
            Some(reached) if !Arc::ptr_eq(reached, counted.service) && reached != counted.service => {
                self.reached(made, reached, sample);
            }
            _ => {
                if let Some(series) = &made.service {
                    series.record(sample);
                }
            }
        }
    }

    #[cold]
    fn reached(&self, made: &Made, reached: &Name, sample: &Sample<'_>) {
        if let Some((_, series)) = made.reached.load().iter().find(|(name, _)| name == reached) {
            series.record(sample);
        } else if let Some(series) = self.metrics.service(Name::clone(reached)) {
            series.record(sample);
            made.reached.rcu(|known| {
                known.iter().cloned().chain([(Name::clone(reached), Arc::clone(&series))]).collect::<Vec<_>>()
            });
        }
    }

    fn made(&self, Counted { router, service, internal }: Counted<'_>) -> &Made {
        self.made.get_or_init(|| {
            let router = self.metrics.router(Arc::clone(router), Arc::clone(service));
            let service = if internal || service.is_empty() { None } else { self.metrics.service(Arc::clone(service)) };
            Box::new(Made { router, service, reached: ArcSwap::default() })
        })
    }
}

impl fmt::Debug for RouteSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteSeries").field("made", &self.made.get().is_some()).finish_non_exhaustive()
    }
}
