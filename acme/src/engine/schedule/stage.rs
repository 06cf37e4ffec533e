use crate::objects::Certificate;
use crate::planner::{Kind, Object, Plan, Step, Write};

/// The distance of a step from the end of an issuance: what is nearly done comes first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Stage {
    /// An issuer.
    Issuer,
    /// A certificate goes into its Secret.
    Issued,
    /// A request has its certificate, or failed.
    Answered,
    /// A challenge.
    Proof,
    /// A request or an order.
    Order,
    /// What is left over is deleted.
    Tidying,
    /// A certificate begins to be issued, or is asked for.
    Begin,
}

impl Stage {
    /// True for what begins new work: some writes are kept free for it.
    pub(super) fn is_new(self) -> bool {
        self == Self::Begin
    }

    /// The stage of the first step of a plan that writes.
    pub(super) fn of(plan: &Plan) -> Self {
        let write = plan.steps.iter().find_map(|step: &Step| step.writes.first());
        match write {
            Some(Write::Apply(_)) => Self::Issued,
            Some(
                Write::Create(Object::Issuer(_)) | Write::Status(Object::Issuer(_)) | Write::Update(Object::Issuer(_)),
            ) => Self::Issuer,
            Some(Write::Status(Object::CertificateRequest(_))) => Self::Answered,
            Some(Write::Create(Object::Challenge(_)) | Write::Status(Object::Challenge(_))) => Self::Proof,
            Some(Write::Create(Object::CertificateRequest(_) | Object::Order(_) | Object::Secret(_))) => Self::Order,
            Some(Write::Delete { kind: Kind::Certificate, .. }) | None => Self::Begin,
            Some(Write::Delete { .. }) => Self::Tidying,
            Some(Write::Status(Object::Certificate(certificate))) if failed(certificate) => Self::Answered,
            Some(_) => Self::Begin,
        }
    }
}

fn failed(certificate: &Certificate) -> bool {
    certificate.status.last_failure_time.is_some()
}
