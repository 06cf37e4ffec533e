//! Issuers that sign in the cluster itself: `ca`, whose certificate and key are in a Secret, and `selfSigned`. Their
//! requests are signed without an order.

mod issuer;
mod request;

pub(super) use issuer::plan as plan_issuer;
pub(super) use request::plan as plan_request;
pub use request::{Refusal, Signing, signed, signing};

use crate::objects::{CaSpec, Issuer, SelfSignedSpec};

/// An issuer of the cluster's own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Local<'a> {
    /// A CA in a Secret.
    Ca(&'a CaSpec),
    /// Certificates that sign themselves.
    SelfSigned(&'a SelfSignedSpec),
}

impl<'a> Local<'a> {
    /// Returns what an issuer is; `None` if it is of another type.
    pub(super) fn of(issuer: &'a Issuer) -> Option<Self> {
        let spec = &issuer.spec;
        if spec.acme.is_some() {
            return None;
        }
        let ca = spec.ca.as_ref().map(Self::Ca);
        ca.or_else(|| spec.self_signed.as_ref().map(Self::SelfSigned))
    }
}
