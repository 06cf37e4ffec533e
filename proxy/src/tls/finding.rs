//! Problems of certificates and options.

use flow_model::diagnostic::Severity;
use flow_model::name::Name;

/// The subject of a finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsSubject {
    /// A certificate, by its index in the input.
    Certificate(usize),
    /// The default certificate.
    DefaultCertificate,
    /// An option.
    Options(Name),
}

/// Something that is not served, or not as configured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFinding {
    /// The object concerned.
    pub subject: TlsSubject,
    /// Its severity.
    pub severity: Severity,
    /// The problem; one sentence without a full stop.
    pub message: String,
}
