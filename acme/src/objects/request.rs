use super::{Condition, IssuerRef, Object};
use crate::x509::csr::{Csr, CsrError};
use flow_model::duration::GoDuration;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// A `CertificateRequest`: one attempt to have a certificate signed. Its spec never changes.
pub type CertificateRequest = Object<RequestSpec, RequestStatus>;

/// What is to be signed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestSpec {
    /// Life time asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// Who signs.
    pub issuer_ref: IssuerRef,
    /// The signing request: PEM in base64.
    pub request: String,
    /// A signing certificate is asked for.
    #[serde(default, rename = "isCA", skip_serializing_if = "std::ops::Not::not")]
    pub is_ca: bool,
    /// What the key may be used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usages: Vec<String>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    #[serde(skip)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    parsed: Parsed,
}

/// The parsed `request`, filled at the first use. It does not count in comparisons.
#[derive(Clone, Debug, Default)]
struct Parsed(Arc<OnceLock<Reading>>);

/// The parsed text and the result.
type Reading = (String, Result<Arc<Csr>, CsrError>);

impl PartialEq for Parsed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Parsed {}

impl RequestSpec {
    /// Returns the spec of a new request.
    #[must_use]
    pub fn new(issuer_ref: IssuerRef, request: String, username: String) -> Self {
        Self { issuer_ref, request, username, ..Self::default() }
    }

    /// Returns the parsed `request`.
    ///
    /// # Errors
    /// [`CsrError`] if it is not a signing request.
    pub fn csr(&self) -> Result<Arc<Csr>, CsrError> {
        let read = || Csr::from_base64(&self.request).map(Arc::new);
        let (text, parsed) = self.parsed.0.get_or_init(|| (self.request.clone(), read()));
        // A clone may have been changed since.
        if *text == self.request { parsed.clone() } else { read() }
    }

    /// Returns the spec without the text of `request`: what was read of it is kept.
    #[must_use]
    pub fn without_text(&self) -> Self {
        let read = self.csr().map(|csr| Arc::new(Csr { der: Vec::new(), ..Csr::clone(&csr) }));
        let parsed = Parsed::default();
        let _ = parsed.0.set((String::new(), read));
        Self { request: String::new(), parsed, ..self.clone() }
    }
}

/// What became of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct RequestStatus {
    /// `Approved`, `Denied`, `Ready`, `InvalidRequest`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The signed chain: PEM in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// The topmost certificate of the CA, where it is known: PEM in base64. ACME servers send none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca: String,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_time: Option<Timestamp>,
}
