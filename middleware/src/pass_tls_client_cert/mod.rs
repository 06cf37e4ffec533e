//! Tells the backend the client's certificate (`passTLSClientCert`).
//!
//! Clients that are not trusted cannot set these headers themselves: the entry point removes them before routing.

mod info;
mod name;
#[cfg(test)]
mod tests;

use crate::query;
use crate::{Exchange, flow::Flow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_model::middleware as spec;
use http::header::{HeaderName, HeaderValue};

const CERTIFICATE: HeaderName = HeaderName::from_static("x-forwarded-tls-client-cert");
const INFO: HeaderName = HeaderName::from_static("x-forwarded-tls-client-cert-info");

/// Tells the backend the client's certificate.
#[derive(Debug)]
pub struct PassTlsClientCert {
    spec: spec::PassTlsClientCert,
}

impl PassTlsClientCert {
    pub(crate) fn new(spec: &spec::PassTlsClientCert) -> Self {
        Self { spec: spec.clone() }
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let Some(tls) = exchange.connection.tls.as_ref().filter(|tls| !tls.peer_certificates.is_empty()) else {
            tracing::debug!("passTLSClientCert: the client has no certificate");
            return Flow::Pass;
        };
        let chain = &tls.peer_certificates;
        let certificates = self.spec.pem.then(|| join(chain.iter().map(|der| STANDARD.encode(der))));
        let info = self.spec.info.as_ref().map(|wanted| {
            let texts = join(chain.iter().map(|der| info::text(wanted, der)));
            query::escape(texts.as_bytes())
        });
        for (name, text) in [(CERTIFICATE, certificates), (INFO, info)] {
            // Both are ASCII without control characters.
            if let Some(Ok(value)) = text.map(HeaderValue::try_from) {
                exchange.head.headers.insert(name, value);
            }
        }
        Flow::Pass
    }
}

/// The texts of the certificates of a chain, leaf first.
fn join(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(",")
}
