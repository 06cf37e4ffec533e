//! Subscribers of objects whose content is read only if one of them wants it, their requests, and what they are told.

use crate::view::ObjectKey;
use flow_model::diagnostic::causes;
use futures_util::future::{BoxFuture, FutureExt as _};
use hashbrown::HashSet;
use kube::core::ObjectMeta;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A request for objects.
#[derive(Debug)]
pub(crate) enum LookupRequest {
    /// These too. Asking again has them reported again.
    More(Vec<ObjectKey>),
    /// From now on only these; of the others no lookup is finished.
    Only(HashSet<ObjectKey, foldhash::fast::RandomState>),
}

/// A message to a subscriber.
#[derive(Debug)]
pub(crate) enum Resolution<T> {
    /// Every object was seen whose labels are selected; or the kind may not be listed.
    Listed,
    /// There is a new version of an object, which is being read: [`Self::Is`], [`Self::Unreadable`] or
    /// [`Self::Dropped`] follows.
    Outdated(ObjectKey),
    /// The object; `None` if it does not exist.
    Is(ObjectKey, Option<T>),
    /// It cannot be read now.
    Unreadable(ObjectKey, ReadError),
    /// Its labels are selected no longer, or it is not followed any more because it is not named.
    Dropped(ObjectKey),
}

impl<T> Resolution<T> {
    fn map<U>(&self, read: impl FnOnce(&T) -> U) -> Resolution<U> {
        match self {
            Self::Listed => Resolution::Listed,
            Self::Outdated(key) => Resolution::Outdated(key.clone()),
            Self::Is(key, object) => Resolution::Is(key.clone(), object.as_ref().map(read)),
            Self::Unreadable(key, error) => Resolution::Unreadable(key.clone(), error.clone()),
            Self::Dropped(key) => Resolution::Dropped(key.clone()),
        }
    }
}

/// The reason why an object cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct ReadError {
    /// The API server's words if it is forbidden.
    pub(crate) forbidden: Option<String>,
    /// The error and its causes.
    pub(crate) causes: String,
}

impl ReadError {
    pub(super) fn of(error: &kube::Error) -> Self {
        let forbidden = match error {
            kube::Error::Api(status) if status.is_forbidden() => Some(status.message.clone()),
            _ => None,
        };
        Self { forbidden, causes: causes(error) }
    }
}

/// A receiver of objects that it names, or selects by their labels.
pub(crate) trait ReferenceSubscriber<T>: Send + 'static {
    /// Handles news. Breaks once no more are wanted.
    fn handle(&mut self, news: Resolution<T>) -> impl Future<Output = ControlFlow<()>> + Send;
}

/// A choice of objects by their labels. It may change with time: an object is asked about whenever it is seen.
pub(crate) type LabelChoice = Arc<dyn Fn(&ObjectMeta) -> bool + Send + Sync>;

/// A subscriber and its way of reading, for a watch that knows neither.
pub(super) trait ReferenceReader<K>: Send {
    fn deliver<'a>(&'a mut self, news: &Resolution<K>) -> BoxFuture<'a, ControlFlow<()>>;

    /// True if objects may be selected by their labels.
    fn selects_by_labels(&self) -> bool;

    /// True if an object is selected by its labels.
    fn selects(&self, metadata: &ObjectMeta) -> bool;
}

/// A subscriber and its way of reading, whatever it reads.
pub(super) type AnyReader<K> = Box<dyn ReferenceReader<K>>;

/// A subscriber with its way of reading.
pub(super) struct Reading<K, T, S> {
    pub(super) read: fn(&K) -> T,
    /// The namespaces of objects that may be selected; empty is all.
    pub(super) namespaces: Vec<Arc<str>>,
    pub(super) labels: Option<LabelChoice>,
    pub(super) subscriber: S,
}

impl<K, T: Send + 'static, S: ReferenceSubscriber<T>> ReferenceReader<K> for Reading<K, T, S> {
    fn deliver<'a>(&'a mut self, news: &Resolution<K>) -> BoxFuture<'a, ControlFlow<()>> {
        self.subscriber.handle(news.map(self.read)).boxed()
    }

    fn selects_by_labels(&self) -> bool {
        self.labels.is_some()
    }

    fn selects(&self, metadata: &ObjectMeta) -> bool {
        let ours = |namespace: &Arc<str>| metadata.namespace.as_deref() == Some(namespace);
        self.labels.as_ref().is_some_and(|selects| selects(metadata))
            && (self.namespaces.is_empty() || self.namespaces.iter().any(ours))
    }
}

/// A set of subscribers of one watch: a bit for each, by its index. There are eight at most.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Subscribers(u8);

impl Subscribers {
    pub(super) const NONE: Self = Self(0);
    /// The most subscribers of one watch.
    pub(super) const MAX: usize = 8;

    /// Returns the one with an index below [`Self::MAX`].
    pub(super) const fn one(index: usize) -> Self {
        Self(1 << (index % Self::MAX))
    }

    /// Returns those that are left and that `holds` chooses.
    pub(super) fn of<T>(all: &[Option<T>], holds: impl Fn(&T) -> bool) -> Self {
        let chosen = all.iter().enumerate().filter(|(_, one)| one.as_ref().is_some_and(&holds));
        chosen.fold(Self::NONE, |set, (index, _)| set.and(Self::one(index)))
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// News, and those who are told.
pub(super) struct Delivery<K> {
    pub(super) to: Subscribers,
    pub(super) resolution: Resolution<K>,
}

impl<K> Delivery<K> {
    /// Tells them, and forgets those who want no more.
    pub(super) async fn tell(self, readers: &mut [Option<AnyReader<K>>]) {
        for (index, slot) in readers.iter_mut().enumerate() {
            let Some(reader) = slot.as_mut().filter(|_| self.to.contains(Subscribers::one(index))) else { continue };
            let delivery = reader.deliver(&self.resolution);
            if delivery.await.is_break() {
                *slot = None;
            }
        }
    }
}
