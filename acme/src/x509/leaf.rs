use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::net::IpAddr;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;
use x509_parser::x509::X509Name;

/// The reason for which a certificate cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LeafError {
    /// No PEM block of a certificate.
    #[error("error decoding certificate PEM block")]
    NoPem,
    /// A block that is not a certificate.
    #[error("error parsing TLS certificate: {0}")]
    Malformed(String),
}

/// The first certificate of a chain, as far as it is needed here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Leaf {
    /// Common name. Empty: none.
    pub common_name: String,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// Addresses, in text.
    pub ip_addresses: Vec<String>,
    /// URIs.
    pub uris: Vec<String>,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// Start, in whole seconds.
    pub not_before: Timestamp,
    /// End, in whole seconds.
    pub not_after: Timestamp,
    /// The public key, as DER.
    pub public_key: Vec<u8>,
    /// The certificate's id in renewal information (RFC 9773 §4.1); `None` without an authority key identifier.
    pub ari_id: Option<String>,
    /// Further parts of the subject, for the Secret's annotations.
    pub subject: SubjectText,
}

/// Parts of a subject, in text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SubjectText {
    /// O
    pub organizations: Vec<String>,
    /// OU
    pub organizational_units: Vec<String>,
    /// C
    pub countries: Vec<String>,
    /// ST
    pub provinces: Vec<String>,
    /// L
    pub localities: Vec<String>,
    /// SERIALNUMBER
    pub serial_number: String,
}

impl Leaf {
    /// Reads the first certificate of a PEM chain.
    ///
    /// # Errors
    /// [`LeafError::NoPem`], [`LeafError::Malformed`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, LeafError> {
        match CertificateDer::pem_slice_iter(pem).next() {
            Some(Ok(der)) => Self::from_der(&der),
            Some(Err(_)) | None => Err(LeafError::NoPem),
        }
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// [`LeafError::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, LeafError> {
        let (_, cert) =
            x509_parser::parse_x509_certificate(der).map_err(|error| LeafError::Malformed(error.to_string()))?;
        let time = |seconds: i64| Timestamp::from_second(seconds).map_err(|e| LeafError::Malformed(e.to_string()));
        let mut leaf = Self {
            common_name: first(cert.subject().iter_common_name()),
            not_before: time(cert.validity().not_before.timestamp())?,
            not_after: time(cert.validity().not_after.timestamp())?,
            public_key: cert.public_key().raw.to_vec(),
            ari_id: ari_id(&cert),
            subject: SubjectText::of(cert.subject()),
            ..Self::default()
        };
        if let Ok(Some(names)) = cert.subject_alternative_name() {
            leaf.add_names(&names.value.general_names);
        }
        Ok(leaf)
    }

    fn add_names(&mut self, names: &[GeneralName<'_>]) {
        for name in names {
            match name {
                GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => self.ip_addresses.extend(address(bytes).map(|ip| ip.to_string())),
                GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                GeneralName::RFC822Name(mail) => self.emails.push((*mail).to_owned()),
                _ => {}
            }
        }
    }

    /// The time from its start to its end.
    #[must_use]
    pub fn lifetime(&self) -> std::time::Duration {
        std::time::Duration::try_from(self.not_after.duration_since(self.not_before)).unwrap_or_default()
    }
}

impl SubjectText {
    fn of(name: &X509Name<'_>) -> Self {
        let by = |oid| name.iter_by_oid(oid).filter_map(|a| a.as_str().ok()).map(str::to_owned).collect::<Vec<_>>();
        use x509_parser::oid_registry as oid;
        Self {
            organizations: by(&oid::OID_X509_ORGANIZATION_NAME),
            organizational_units: by(&oid::OID_X509_ORGANIZATIONAL_UNIT),
            countries: by(&oid::OID_X509_COUNTRY_NAME),
            provinces: by(&oid::OID_X509_STATE_OR_PROVINCE_NAME),
            localities: by(&oid::OID_X509_LOCALITY_NAME),
            serial_number: by(&oid::OID_X509_SERIALNUMBER).into_iter().next().unwrap_or_default(),
        }
    }
}

fn ari_id(cert: &X509Certificate<'_>) -> Option<String> {
    let authority = cert.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    })?;
    let serial = cert.tbs_certificate.raw_serial();
    Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(authority), URL_SAFE_NO_PAD.encode(serial)))
}

/// An address as certificates carry it: 4 or 16 bytes.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

pub(super) fn first<'a>(mut values: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>) -> String {
    values.next().and_then(|value| value.as_str().ok()).unwrap_or_default().to_owned()
}
