use crate::objects::{Certificate, CertificateRequest, Challenge, Issuer, Key, Meta, Order, Secret};
use jiff::Timestamp;
use std::fmt;

/// A kind of object that is written.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// `cert-manager.io/v1`
    Certificate,
    /// `cert-manager.io/v1`
    CertificateRequest,
    /// `acme.cert-manager.io/v1`
    Challenge,
    /// Only ever the subject of an event.
    Ingress,
    /// `cert-manager.io/v1`: `ClusterIssuer` where the namespace is empty.
    Issuer,
    /// `acme.cert-manager.io/v1`
    Order,
    /// `v1`
    Secret,
}

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
    /// Its kind.
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

    /// Its metadata.
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

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A new object; one of that name being there already is [`crate::store::StoreError::Conflict`].
    Create(Object),
    /// Spec, labels, annotations, owners and finalizers of an object, under its `resource_version`.
    Update(Object),
    /// The status of an object, under its `resource_version`.
    Status(Object),
    /// The whole of a target Secret by server-side apply (field manager `cert-manager-certificates-issuing`, forced).
    /// `resource_version`, where it is not empty, is a precondition.
    Apply(Box<Secret>),
    /// Deletion of the object with this uid, whatever is below it going too.
    Delete {
        /// Kind
        kind: Kind,
        /// Where it lives
        key: Key,
        /// Which one of that name
        uid: String,
    },
}

impl Write {
    /// Kind and key of what is written.
    #[must_use]
    pub fn target(&self) -> (Kind, Key) {
        match self {
            Self::Create(object) | Self::Update(object) | Self::Status(object) => {
                (object.kind(), object.metadata().key())
            }
            Self::Apply(secret) => (Kind::Secret, secret.key()),
            Self::Delete { kind, key, .. } => (*kind, key.clone()),
        }
    }
}

/// Normal or Warning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// Things go well.
    Normal,
    /// Somebody should look.
    Warning,
}

/// An event about an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Kind of the object.
    pub kind: Kind,
    /// Where it lives.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// Normal or Warning.
    pub event_type: EventType,
    /// One word: what users search for.
    pub reason: &'static str,
    /// For people.
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

/// One step: writes in their order, then what is told of it. The first write that fails ends the step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Writes. Their order is what makes a crash between them harmless.
    pub writes: Vec<Write>,
    /// Told once all writes are done.
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

/// Something that takes time: a question to the CA, to the replicas, or the making of a key.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Call {
    /// Tell the CA that it may look.
    Accept {
        /// Challenge
        challenge: Key,
    },
    /// Make the key of an issuer's account.
    AccountKey {
        /// Issuer
        issuer: Key,
    },
    /// Look at the authorizations of an order.
    Authorizations {
        /// Order
        order: Key,
    },
    /// Look at the authorization of an accepted challenge.
    Check {
        /// Challenge
        challenge: Key,
    },
    /// Fetch the chain.
    Download {
        /// Order
        order: Key,
    },
    /// Hand in the signing request.
    Finalize {
        /// Order
        order: Key,
    },
    /// Place an order.
    NewOrder {
        /// Order
        order: Key,
    },
    /// Make the key of the next certificate.
    NextKey {
        /// Certificate
        certificate: Key,
    },
    /// Ask every replica for a token.
    Probe {
        /// Challenge
        challenge: Key,
    },
    /// Look at an order.
    Refresh {
        /// Order
        order: Key,
    },
    /// Register an account.
    Register {
        /// Issuer
        issuer: Key,
    },
    /// Ask when to renew.
    RenewalInfo {
        /// Certificate
        certificate: Key,
    },
}

impl Call {
    /// Kind and key of the object that it is for: no object has two calls under way.
    #[must_use]
    pub fn target(&self) -> (Kind, &Key) {
        match self {
            Self::Accept { challenge } | Self::Check { challenge } | Self::Probe { challenge } => {
                (Kind::Challenge, challenge)
            }
            Self::AccountKey { issuer } | Self::Register { issuer } => (Kind::Issuer, issuer),
            Self::Authorizations { order }
            | Self::Download { order }
            | Self::Finalize { order }
            | Self::NewOrder { order }
            | Self::Refresh { order } => (Kind::Order, order),
            Self::NextKey { certificate } | Self::RenewalInfo { certificate } => (Kind::Certificate, certificate),
        }
    }

    /// One word, for logs and metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accept { .. } => "accept",
            Self::AccountKey { .. } => "account_key",
            Self::Authorizations { .. } => "authorizations",
            Self::Check { .. } => "check",
            Self::Download { .. } => "download",
            Self::Finalize { .. } => "finalize",
            Self::NewOrder { .. } => "new_order",
            Self::NextKey { .. } => "next_key",
            Self::Probe { .. } => "probe",
            Self::Refresh { .. } => "refresh",
            Self::Register { .. } => "register",
            Self::RenewalInfo { .. } => "renewal_info",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.word(), self.target().1)
    }
}

/// What is to be done now, and when to look again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Writes.
    pub steps: Vec<Step>,
    /// What takes time.
    pub calls: Vec<Call>,
    /// When time alone changes the plan.
    pub wake: Option<Timestamp>,
}

impl Plan {
    /// Takes in another plan.
    pub(crate) fn add(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.calls.extend(other.calls);
        other.wake.into_iter().for_each(|at| self.wake_at(at));
    }

    pub(crate) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}
