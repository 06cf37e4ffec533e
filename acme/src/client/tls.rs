//! TLS towards a server.

use crate::ca::{CaError, Directory};
use crate::no_verification::NoServerVerification;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;

/// Returns the name that the server's certificate must have, where it is not that of its URL.
pub(super) fn server_name(directory: &Directory) -> Result<Option<ServerName<'static>>, CaError> {
    if directory.server_name.is_empty() {
        return Ok(None);
    }
    let name = ServerName::try_from(directory.server_name.clone());
    name.map(Some).map_err(|_| CaError::Key(format!("{:?} is no name of a server", directory.server_name)))
}

/// TLS settings for the server: trust in its CA bundle alone if there is one, else in the system's authorities, or in
/// both.
pub(super) fn client_config(directory: &Directory) -> Result<ClientConfig, CaError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| CaError::Response(error.to_string()))?;
    if directory.skip_tls_verify {
        // `skipTLSVerify`: the operator asked for no check.
        let verifier = Arc::new(NoServerVerification::new(&provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    if directory.ca_bundle.is_empty() || directory.system_roots {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if !directory.ca_bundle.is_empty() {
        for certificate in CertificateDer::pem_slice_iter(&directory.ca_bundle) {
            let certificate = certificate.map_err(|error| CaError::Key(format!("caBundle: {error}")))?;
            roots.add(certificate).map_err(|error| CaError::Key(format!("caBundle: {error}")))?;
        }
        if roots.is_empty() {
            return Err(CaError::Key("caBundle holds no certificate".to_owned()));
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
