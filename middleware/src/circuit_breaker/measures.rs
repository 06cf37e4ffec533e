//! The measures of a circuit breaker: statuses of the last ten seconds, latencies of the last minute.

use crate::expression::{Parser, Term};
use crate::middleware_error::ExpressionError;
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::time::Duration;

const COUNTER_PERIOD: Duration = Duration::from_secs(1);
const COUNTERS: usize = 10;
const HISTOGRAM_PERIOD: Duration = Duration::from_secs(10);
const HISTOGRAMS: usize = 6;
/// An hour, in microseconds: longer latencies count as this.
const MAX_LATENCY: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 2;

/// A number that is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measure {
    /// Milliseconds that the given percentage of responses took at most.
    LatencyAtQuantileMs(f64),
    /// The share of 502 and 504 among all responses.
    NetworkErrorRatio,
    /// The share of the statuses `a..b` among the statuses `c..d`.
    ResponseCodeRatio([u16; 4]),
}

impl Term for Measure {
    const EXAMPLE: &'static str = "NetworkErrorRatio() > 0.30";

    fn read(parser: &mut Parser<'_>) -> Result<Self, ExpressionError> {
        if parser.take("NetworkErrorRatio") {
            parser.need("(")?;
            parser.need(")")?;
            return Ok(Self::NetworkErrorRatio);
        }
        if parser.take("LatencyAtQuantileMS") {
            parser.need("(")?;
            let at = parser.at();
            let quantile = parser.number()?;
            if !(0.0..=100.0).contains(&quantile) {
                return Err(parser.expected_at(at, "a percentage from 0 to 100"));
            }
            parser.need(")")?;
            return Ok(Self::LatencyAtQuantileMs(quantile));
        }
        if parser.take("ResponseCodeRatio") {
            let mut codes = [0; 4];
            for (index, code) in codes.iter_mut().enumerate() {
                parser.need(if index == 0 { "(" } else { "," })?;
                *code = parser.status()?;
            }
            parser.need(")")?;
            return Ok(Self::ResponseCodeRatio(codes));
        }
        parser.rest();
        Err(parser.expected("LatencyAtQuantileMS, NetworkErrorRatio or ResponseCodeRatio"))
    }
}

/// The responses of a recent time. Times are since the breaker was made.
#[derive(Debug, Default)]
pub(super) struct Measures {
    /// Statuses and how often they came, by second; the newest is last.
    counts: VecDeque<(u64, Vec<(u16, u64)>)>,
    /// Latencies in microseconds, by ten seconds; `None` if nobody asks for them.
    latencies: Option<VecDeque<(u64, Histogram<u64>)>>,
}

impl Measures {
    pub(super) fn new(with_latency: bool) -> Self {
        Self { counts: VecDeque::new(), latencies: with_latency.then(VecDeque::new) }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.latencies.is_some());
    }

    pub(super) fn record(&mut self, status: u16, latency: Duration, now: Duration) {
        let second = now.as_secs() / COUNTER_PERIOD.as_secs();
        self.forget(now);
        if self.counts.back().is_none_or(|(newest, _)| *newest != second) {
            self.counts.push_back((second, Vec::new()));
        }
        if let Some((_, counts)) = self.counts.back_mut() {
            match counts.iter_mut().find(|(known, _)| *known == status) {
                Some((_, count)) => *count += 1,
                None => counts.push((status, 1)),
            }
        }
        let Some(latencies) = &mut self.latencies else { return };
        let period = now.as_secs() / HISTOGRAM_PERIOD.as_secs();
        if latencies.back().is_none_or(|(newest, _)| *newest != period)
            && let Ok(histogram) = Histogram::new_with_bounds(1, MAX_LATENCY, SIGNIFICANT_DIGITS)
        {
            latencies.push_back((period, histogram));
        }
        if let Some((_, histogram)) = latencies.back_mut() {
            histogram.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(MAX_LATENCY));
        }
    }

    pub(super) fn value(&mut self, measure: Measure, now: Duration) -> f64 {
        self.forget(now);
        match measure {
            Measure::NetworkErrorRatio => ratio(self.count(|status| matches!(status, 502 | 504)), self.count(|_| true)),
            Measure::ResponseCodeRatio([a, b, c, d]) => {
                ratio(self.count(|status| (a..b).contains(&status)), self.count(|status| (c..d).contains(&status)))
            }
            Measure::LatencyAtQuantileMs(quantile) => self.latency(quantile),
        }
    }

    fn forget(&mut self, now: Duration) {
        let second = now.as_secs() / COUNTER_PERIOD.as_secs();
        while self.counts.front().is_some_and(|(old, _)| old + COUNTERS as u64 <= second) {
            self.counts.pop_front();
        }
        let period = now.as_secs() / HISTOGRAM_PERIOD.as_secs();
        if let Some(latencies) = &mut self.latencies {
            while latencies.front().is_some_and(|(old, _)| old + HISTOGRAMS as u64 <= period) {
                latencies.pop_front();
            }
        }
    }

    fn count(&self, wanted: impl Fn(u16) -> bool) -> u64 {
        let counts = self.counts.iter().flat_map(|(_, counts)| counts);
        counts.filter(|(status, _)| wanted(*status)).map(|(_, count)| count).sum()
    }

    /// Whole milliseconds, as in Traefik.
    fn latency(&self, quantile: f64) -> f64 {
        let Some(latencies) = &self.latencies else { return 0.0 };
        let mut all: Option<Histogram<u64>> = None;
        for (_, histogram) in latencies {
            match &mut all {
                None => all = Some(histogram.clone()),
                Some(all) => {
                    let _ = all.add(histogram);
                }
            }
        }
        all.map_or(0.0, |all| (all.value_at_quantile(quantile / 100.0) / 1000) as f64)
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "ratios of small numbers are exact")]
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    #[test]
    fn ratios_are_of_the_last_ten_seconds() {
        let mut measures = Measures::new(false);
        for (status, ago) in [(200, 0), (502, 0), (504, 3), (500, 9), (502, 11)].into_iter().rev() {
            measures.record(status, Duration::ZERO, NOW.saturating_sub(Duration::from_secs(ago)));
        }
        assert_eq!(measures.value(Measure::NetworkErrorRatio, NOW), 0.5);
        assert_eq!(measures.value(Measure::ResponseCodeRatio([500, 501, 200, 600]), NOW), 0.25);
        assert_eq!(measures.value(Measure::ResponseCodeRatio([500, 600, 700, 800]), NOW), 0.0);
        assert_eq!(measures.value(Measure::NetworkErrorRatio, NOW + Duration::from_secs(20)), 0.0);
    }

    #[test]
    fn latencies_are_of_the_last_minute() {
        let mut measures = Measures::new(true);
        measures.record(200, Duration::from_secs(60), NOW - Duration::from_secs(70));
        for latency in 1..=100 {
            measures.record(200, Duration::from_millis(latency), NOW);
        }
        let at = |measures: &mut Measures, quantile| measures.value(Measure::LatencyAtQuantileMs(quantile), NOW);
        assert!((49.0..=51.0).contains(&at(&mut measures, 50.0)));
        assert!((99.0..=101.0).contains(&at(&mut measures, 100.0)));
        measures.record(200, Duration::from_secs(1 << 40), NOW);
        assert!(at(&mut measures, 100.0) >= 3_590_000.0);
        measures.reset();
        assert_eq!(at(&mut measures, 50.0), 0.0);
    }
}
