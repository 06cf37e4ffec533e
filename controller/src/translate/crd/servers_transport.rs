use super::memo::Translation;
use super::{choose, naming};
use crate::crd::ServersTransportSpec;
use crate::crd::servers_transport::RootCa;
use crate::translate::options::CrdOptions;
use crate::translate::pem;
use crate::view::{Custom, ObjectKey, Reference, View};
use flow_model::config::{ForwardingTimeouts, ServersTransport};
use flow_model::diagnostic::Diagnostic;
use std::sync::Arc;

/// Translates a ServersTransport. As in Traefik, an authority or a certificate that cannot be read is left out; but with
/// none of its authorities it is not served.
pub(super) fn translate(
    objects: [Option<&Arc<Custom<ServersTransportSpec>>>; 2],
    view: &View,
    options: &CrdOptions,
) -> Option<Translation<ServersTransport>> {
    let mut diagnostics = Vec::new();
    let object = choose(objects, "ServersTransport", &mut diagnostics)?;
    let subject = || object.key.subject("ServersTransport");
    let name = naming::object(&object.key.namespace, &object.key.name, options);
    let mut translation = Translation { name, created: object.created, value: None, reads: Vec::new(), diagnostics };
    let spec = match &object.spec {
        Ok(spec) => spec,
        Err(error) => {
            translation.diagnostics.push(Diagnostic::error(subject(), error.clone()));
            return Some(translation);
        }
    };
    // A demand on the server's identity is never dropped silently: if it is not supported the transport is not served.
    if !spec.peer_cert_sans.is_empty() {
        let message = "peerCertSANs is not served yet: use serverName or peerCertURI";
        translation.diagnostics.push(Diagnostic::error(subject(), message));
        return Some(translation);
    }
    if spec.max_idle_conns_per_host < 0 {
        let message = "a negative maxIdleConnsPerHost is not served: one idle connection is kept for each server";
        translation.diagnostics.push(Diagnostic::warning(subject(), message));
    }
    let mut transport = ServersTransport {
        server_name: spec.server_name.clone(),
        insecure_skip_verify: spec.insecure_skip_verify,
        min_version: spec.min_version.clone(),
        max_version: spec.max_version.clone(),
        cipher_suites: spec.cipher_suites.clone(),
        max_idle_connections: usize::try_from(spec.max_idle_conns_per_host).unwrap_or(1),
        timeouts: timeouts(spec),
        disable_http2: spec.disable_http2,
        peer_cert_uri: spec.peer_cert_uri.clone(),
        spiffe: spec.spiffe.clone(),
        ..ServersTransport::default()
    };
    let authorities = authorities(spec);
    for ca in &authorities {
        match read_authorities(ca, &object.key, view, &mut translation.reads) {
            Ok(pem) => transport.root_cas.push(pem.into_bytes()),
            Err(error) => translation.diagnostics.push(Diagnostic::error(subject(), format!("rootCAs: {error}"))),
        }
    }
    for name in &spec.certificates_secrets {
        let secret = object.key.sibling(name);
        translation.reads.push(Reference::Secret(secret.clone()));
        match pem::certificate(view, &secret) {
            Ok(certificate) => transport.certificates.push(certificate),
            Err(error) => {
                translation.diagnostics.push(Diagnostic::error(subject(), format!("certificatesSecrets: {error}")))
            }
        }
    }
    // Without any authority the system's would count, which were not meant.
    if authorities.is_empty() || !transport.root_cas.is_empty() {
        translation.value = Some(transport);
    } else {
        let message = "none of its authorities can be read, so services that use it are not served";
        translation.diagnostics.push(Diagnostic::error(subject(), message));
    }
    Some(translation)
}

fn authorities(spec: &ServersTransportSpec) -> Vec<RootCa> {
    let old = spec.root_cas_secrets.iter().map(|name| RootCa { secret: Some(name.clone()), config_map: None });
    old.chain(spec.root_cas.iter().cloned()).collect()
}

fn read_authorities(ca: &RootCa, key: &ObjectKey, view: &View, reads: &mut Vec<Reference>) -> Result<String, String> {
    match (&ca.secret, &ca.config_map) {
        (Some(secret), None) => {
            let secret = key.sibling(secret);
            reads.push(Reference::Secret(secret.clone()));
            pem::authorities(view, &secret, true).map_err(|error| error.to_string())
        }
        (None, Some(map)) => {
            let map = key.sibling(map);
            reads.push(Reference::ConfigMap(map.clone()));
            pem::config_map_authorities(view, &map).map_err(|error| error.to_string())
        }
        _ => Err("name either a Secret or a ConfigMap".to_owned()),
    }
}

fn timeouts(spec: &ServersTransportSpec) -> ForwardingTimeouts {
    let default = ForwardingTimeouts::default();
    let Some(wanted) = &spec.forwarding_timeouts else { return default };
    ForwardingTimeouts {
        dial: wanted.dial_timeout.unwrap_or(default.dial),
        response_header: wanted.response_header_timeout.unwrap_or(default.response_header),
        idle_connection: wanted.idle_conn_timeout.unwrap_or(default.idle_connection),
        read_idle: wanted.read_idle_timeout.unwrap_or(default.read_idle),
        ping: wanted.ping_timeout.unwrap_or(default.ping),
    }
}
