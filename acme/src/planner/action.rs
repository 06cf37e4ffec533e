use crate::objects::{Certificate, CertificateRequest, Challenge, Issuer, Key, Meta, Order, Secret};
use jiff::Timestamp;
use std::fmt;

/// A kind of object.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// `cert-manager.io/v1`
    Certificate,
    /// `cert-manager.io/v1`
    CertificateRequest,
    /// `acme.cert-manager.io/v1`
    Challenge,
    /// An Ingress: only the subject of events, never written.
    Ingress,
    /// `cert-manager.io/v1`: `ClusterIssuer` where the namespace is empty.
    Issuer,
    /// `acme.cert-manager.io/v1`
    Order,
    /// `v1`
    Secret,
}

/// An object to be planned for or written: its kind and its key.
pub type Target = (Kind, Key);

/// An object to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A Certificate
    Certificate(Box<Certificate>),
    /// A CertificateRequest
    CertificateRequest(Box<CertificateRequest>),
    /// A Challenge
    Challenge(Box<Challenge>),
    /// An Issuer or ClusterIssuer
    Issuer(Box<Issuer>),
    /// An Order
    Order(Box<Order>),
    /// A Secret
    Secret(Box<Secret>),
}

impl Object {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Certificate(_) => Kind::Certificate,
            Self::CertificateRequest(_) => Kind::CertificateRequest,
            Self::Challenge(_) => Kind::Challenge,
            Self::Issuer(_) => Kind::Issuer,
            Self::Order(_) => Kind::Order,
            Self::Secret(_) => Kind::Secret,
        }
    }

    /// The metadata.
    #[must_use]
    pub fn metadata(&self) -> &Meta {
        match self {
            Self::Certificate(object) => &object.metadata,
            Self::CertificateRequest(object) => &object.metadata,
            Self::Challenge(object) => &object.metadata,
            Self::Issuer(object) => &object.metadata,
            Self::Order(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
        }
    }
}

macro_rules! objects {
    ($($variant:ident($ty:ty)),*) => { $(
        impl From<$ty> for Object {
            fn from(object: $ty) -> Self {
                Self::$variant(Box::new(object))
            }
        }
    )* };
}
objects!(
    Certificate(Certificate),
    CertificateRequest(CertificateRequest),
    Challenge(Challenge),
    Issuer(Issuer),
    Order(Order),
    Secret(Secret)
);

/// A single write.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Creates an object; [`crate::store::StoreError::Conflict`] if one of that name exists.
    Create(Object),
    /// Updates spec, labels, annotations, owners and finalizers, if the `resource_version` still matches.
    Update(Object),
    /// Updates the status, if the `resource_version` still matches.
    Status(Object),
    /// Applies a whole target Secret on the server side (field manager `cert-manager-certificates-issuing`, forced). A
    /// `resource_version` that is not empty is a precondition.
    Apply(Box<Secret>),
    /// Deletes the object with this uid, together with the objects that it owns.
    Delete {
        /// Kind
        kind: Kind,
        /// Namespace and name
        key: Key,
        /// The uid: another object of the same name is kept
        uid: String,
    },
}

impl Write {
    /// Returns the kind and the key of the written object.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Create(object) | Self::Update(object) | Self::Status(object) => {
                (object.kind(), object.metadata().key())
            }
            Self::Apply(secret) => (Kind::Secret, secret.key()),
            Self::Delete { kind, key, .. } => (*kind, key.clone()),
        }
    }
}

/// The type of an event, as in Kubernetes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// Regular progress.
    Normal,
    /// A problem that needs attention.
    Warning,
}

/// An event about an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Kind of the object.
    pub kind: Kind,
    /// Namespace and name.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// Normal or Warning.
    pub event_type: EventType,
    /// One word for users to search for.
    pub reason: &'static str,
    /// Text for people.
    pub message: String,
}

impl Event {
    pub(crate) fn normal(kind: Kind, about: &Meta, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            key: about.key(),
            uid: about.uid.clone(),
            event_type: EventType::Normal,
            reason,
            message: message.into(),
        }
    }

    pub(crate) fn warning(kind: Kind, about: &Meta, reason: &'static str, message: impl Into<String>) -> Self {
        Self { event_type: EventType::Warning, ..Self::normal(kind, about, reason, message) }
    }
}

/// Writes in order, then the events about them. The first failing write ends the step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Writes. Their order makes a crash between them harmless.
    pub writes: Vec<Write>,
    /// Events, reported after all writes.
    pub events: Vec<Event>,
}

impl Step {
    pub(crate) fn write(write: Write) -> Self {
        Self { writes: vec![write], events: Vec::new() }
    }

    pub(crate) fn with(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }
}

/// A task that takes time: requests to the CA or to the replicas, or the generation of a key.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Call {
    /// Makes the key of an issuer's account.
    AccountKey {
        /// Issuer
        issuer: Key,
    },
    /// Brings an order whose names are proved to its end: submits the signing request, and fetches the chain.
    Complete {
        /// Order
        order: Key,
    },
    /// Makes the key of the next certificate.
    NextKey {
        /// Certificate
        certificate: Key,
    },
    /// Places an order, and reads its authorizations.
    Open {
        /// Order
        order: Key,
    },
    /// Asks every replica for a challenge's response, tells the CA, and reads what it found.
    Prove {
        /// Challenge
        challenge: Key,
    },
    /// Registers an account.
    Register {
        /// Issuer
        issuer: Key,
    },
    /// Reads the renewal information of a certificate.
    RenewalInfo {
        /// Certificate
        certificate: Key,
    },
    /// Signs a request of a local issuer.
    Sign {
        /// CertificateRequest
        request: Key,
    },
}

impl Call {
    /// Returns the kind and the key of the object that the call is for. No object has two calls at a time.
    #[must_use]
    pub fn target(&self) -> (Kind, &Key) {
        match self {
            Self::Prove { challenge } => (Kind::Challenge, challenge),
            Self::AccountKey { issuer } | Self::Register { issuer } => (Kind::Issuer, issuer),
            Self::Complete { order } | Self::Open { order } => (Kind::Order, order),
            Self::NextKey { certificate } | Self::RenewalInfo { certificate } => (Kind::Certificate, certificate),
            Self::Sign { request } => (Kind::CertificateRequest, request),
        }
    }

    /// Returns one word for logs and metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::AccountKey { .. } => "account_key",
            Self::Complete { .. } => "complete",
            Self::NextKey { .. } => "next_key",
            Self::Open { .. } => "open",
            Self::Prove { .. } => "prove",
            Self::Register { .. } => "register",
            Self::RenewalInfo { .. } => "renewal_info",
            Self::Sign { .. } => "sign",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.word(), self.target().1)
    }
}

/// The need for a certificate: the most urgent first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Urgency {
    /// Some of the names have no valid certificate.
    Missing,
    /// The certificate expires soon.
    Expiring,
    /// The certificate has days left.
    Renewal,
}

/// The place of a certificate in the line for orders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Line {
    /// It waits for its turn: the plan is not to be carried out before.
    Waiting(Urgency),
    /// Its order is under way.
    Begun(Urgency),
}

/// The steps and calls to do now, and the time of the next look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Steps to write.
    pub steps: Vec<Step>,
    /// Calls to begin.
    pub calls: Vec<Call>,
    /// The time at which the plan changes even if the view does not.
    pub wake: Option<Timestamp>,
    /// For a certificate being issued: its place in the line.
    pub line: Option<Line>,
}

impl Plan {
    /// True if there is nothing to do and nothing under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.calls.is_empty() && self.line.is_none()
    }

    pub(crate) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}
