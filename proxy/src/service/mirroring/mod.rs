//! A service whose requests are also sent to others, which see them and have no say.
//!
//! Mirrors run in tasks of their own once the service has responded, so that none can delay the client or another
//! mirror. What a mirror that hangs may hold is limited.

mod copy;
mod share;

use super::buffered::{self, Buffered};
use super::{Child, Resolve, ServiceError, UpstreamRecord};
use crate::forward::{ForwardError, is_upgrade};
use bytes::Bytes;
use copy::Copy;
#[cfg(test)]
pub(in crate::service) use copy::MAX_COPIES;
use flow_middleware::{Body, Exchange, FailureKind, RequestContext, ServeError};
use flow_model::config::Mirroring as Config;
use flow_model::name::Name;
use http::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// The number of requests that a mirror may have in flight; beyond it, requests are not mirrored.
pub(super) const IN_FLIGHT: usize = 1_000;

/// A compiled service with mirrors.
#[derive(Debug)]
pub(super) struct Mirroring {
    main: Arc<Child>,
    mirrors: Box<[Mirror]>,
    /// The number of requests so far.
    total: AtomicU64,
    mirrors_body: bool,
    /// The length of the longest body that is mirrored.
    max_body: u64,
    tells_health: bool,
}

#[derive(Debug)]
struct Mirror {
    child: Arc<Child>,
    percent: u64,
    in_flight: Arc<Semaphore>,
}

/// The mirrors that get a request.
pub(super) type Chosen = Vec<usize>;

impl Mirroring {
    pub(super) fn compile(
        config: &Config,
        resolve: &mut dyn Resolve,
        previous: Option<&Self>,
    ) -> Result<Self, ServiceError> {
        let main = resolve.part(&config.service, config.health_check.is_some())?;
        let mut mirrors = Vec::with_capacity(config.mirrors.len());
        for mirror in &config.mirrors {
            let percent = u64::try_from(mirror.percent).ok().filter(|percent| *percent <= 100);
            let percent = percent.ok_or(ServiceError::Percent(mirror.percent))?;
            let child = resolve.part(&mirror.name, false)?;
            // What is in flight stays so when the configuration changes.
            let same = previous.and_then(|previous| previous.mirror(child.service().name()));
            let in_flight =
                same.map_or_else(|| Arc::new(Semaphore::new(IN_FLIGHT)), |same| Arc::clone(&same.in_flight));
            mirrors.push(Mirror { child, percent, in_flight });
        }
        Ok(Self {
            main,
            mirrors: mirrors.into(),
            total: AtomicU64::new(previous.map_or(0, |previous| previous.total.load(Ordering::Relaxed))),
            mirrors_body: config.mirror_body.unwrap_or(true),
            max_body: buffered::limit(config.max_body_size),
            tells_health: config.health_check.is_some(),
        })
    }

    /// The mirror of this name.
    fn mirror(&self, name: &Name) -> Option<&Mirror> {
        self.mirrors.iter().find(|mirror| mirror.child.service().name() == name)
    }

    /// The number of requests in flight to each mirror.
    #[cfg(test)]
    pub(super) fn in_flight(&self) -> Vec<usize> {
        self.mirrors.iter().map(|mirror| IN_FLIGHT - mirror.in_flight.available_permits()).collect()
    }

    pub(super) fn children(&self) -> impl Iterator<Item = &Arc<Child>> {
        std::iter::once(&self.main).chain(self.mirrors.iter().map(|mirror| &mirror.child))
    }

    /// True if it tells others of the state of its service.
    pub(super) fn tells_health(&self) -> bool {
        self.tells_health
    }

    /// The service that responds.
    pub(super) fn main(&self) -> &Arc<Child> {
        &self.main
    }

    /// Counts a request, and returns the mirrors that get it.
    pub(super) fn choose(&self) -> Chosen {
        let number = self.total.fetch_add(1, Ordering::Relaxed) + 1;
        let mirrors = self.mirrors.iter().enumerate();
        mirrors.filter(|(_, mirror)| share::is_mirrored(number, mirror.percent)).map(|(index, _)| index).collect()
    }

    /// Sends a request to the service, and then to `chosen`.
    pub(super) async fn serve(
        &self,
        chosen: &Chosen,
        mut exchange: Exchange,
        context: &mut RequestContext<'_>,
        record: &mut UpstreamRecord,
    ) -> Result<Response<Body>, ServeError> {
        // A mirror cannot take part in another protocol.
        if is_upgrade(&exchange.head.headers) {
            return self.main.serve_recorded(exchange, context, record).await;
        }
        let mut body = Bytes::new();
        if self.mirrors_body {
            match buffered::read(std::mem::take(&mut exchange.body), self.max_body).await {
                Ok(Buffered::Whole(whole)) => {
                    exchange.body = Body::from(whole.clone());
                    body = whole;
                }
                Ok(Buffered::TooLong(long)) => {
                    tracing::debug!(router = &**context.router, "the body is too long to be mirrored");
                    exchange.body = long;
                    return self.main.serve_recorded(exchange, context, record).await;
                }
                Err(error) => return Err(ForwardError::Unread(error).into()),
            }
        }
        let copy = Copy::of(&exchange, body, context);
        let served = self.main.serve_recorded(exchange, context, record).await;
        let is_gone =
            |error: &ServeError| matches!(error.failure.kind, FailureKind::ClientGone | FailureKind::ClientPaused);
        if !served.as_ref().is_err_and(is_gone) {
            for mirror in chosen.iter().filter_map(|index| self.mirrors.get(*index)) {
                if !copy.count() {
                    tracing::debug!(router = copy.router(), "too many copies of one request: not mirrored");
                    break;
                }
                mirror.send(copy.clone());
            }
        }
        served
    }
}

impl Mirror {
    /// Sends a request to this mirror in a task of its own.
    fn send(&self, copy: Copy) {
        let Ok(permit) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            let mirror = &**self.child.service().name();
            tracing::debug!(mirror, router = copy.router(), "too many requests in flight: not mirrored");
            return;
        };
        tokio::spawn(copy.send(Arc::clone(&self.child), permit));
    }
}
