//! The objects of cert-manager's API as values that the planner reads and writes.
//!
//! Their JSON is that of `cert-manager.io/v1` and `acme.cert-manager.io/v1`, so that they serve as the cluster's wire
//! types and as the files of a state folder. Fields without a role in HTTP-01 are missing; writers therefore patch only
//! what they own.

mod certificate;
mod challenge;
mod condition;
mod issuer;
mod meta;
mod order;
mod request;
mod secret;

pub use certificate::{
    AcmeCertificateStatus, Algorithm, AriStatus, Certificate, CertificateSpec, CertificateStatus, Encoding, Keystore,
    Keystores, NameConstraintItem, NameConstraints, OtherName, OutputFormat, Pkcs12Profile, PrivateKeySpec, Renewal,
    RenewalWindow, RotationPolicy, SecretTemplate, Subject, Window,
};
pub use challenge::{Challenge, ChallengeSpec, ChallengeStatus};
pub(crate) use condition::put_condition;
pub use condition::{Condition, ConditionStatus, condition, set_condition};
pub use issuer::{
    AcmeSpec, AcmeStatus, CaSpec, ExternalAccountBinding, Http01, Http01Ingress, Issuer, IssuerSpec, IssuerStatus,
    SecretKeyRef, SelfSignedSpec, Solver, SolverSelector,
};
pub use meta::{Applied, HasMeta, IssuerRef, Key, Meta, Object, Owner};
pub use order::{Order, OrderAuthorization, OrderChallenge, OrderSpec, OrderStatus, State};
pub use request::{CertificateRequest, RequestSpec, RequestStatus};
pub(crate) use secret::CA_CRT;
pub use secret::Secret;

/// The API group of certificates, requests and issuers.
pub const GROUP: &str = "cert-manager.io";
/// The API group of orders and challenges.
pub const ACME_GROUP: &str = "acme.cert-manager.io";
/// The version of both groups.
pub const VERSION: &str = "v1";
