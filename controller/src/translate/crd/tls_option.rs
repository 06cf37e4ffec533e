use super::choose;
use super::memo::Translation;
use crate::crd::TlsOptionSpec;
use crate::translate::options::CrdOptions;
use crate::translate::pem;
use crate::view::{Custom, ObjectKey, Reference, View};
use flow_model::config::{ClientAuth, TlsOptions};
use flow_model::diagnostic::Diagnostic;
use std::sync::Arc;

/// The name of the options that apply where a router names none.
const DEFAULT: &str = "default";

/// Translates a TLSOption. Its name is `namespace-name` as it stands (`namespace_name` with safeNaming), or `default`.
/// An invalid one is broken: connections that need it are closed rather than served with less protection.
///
/// Of several `default` the oldest counts. Traefik uses none of them then, so that any user who may create one could
/// remove the protection of the others.
pub(super) fn translate(
    objects: [Option<&Arc<Custom<TlsOptionSpec>>>; 2],
    view: &View,
    options: &CrdOptions,
) -> Option<Translation<TlsOptions>> {
    let mut diagnostics = Vec::new();
    let object = choose(objects, "TLSOption", &mut diagnostics)?;
    let subject = || object.key.subject("TLSOption");
    let mut reads = Vec::new();
    let ObjectKey { namespace, name, .. } = &object.key;
    if let Some(reason) = options.is_no_default(namespace).filter(|_| &**name == DEFAULT) {
        diagnostics.push(Diagnostic::warning(subject(), reason));
        return Some(Translation { name: DEFAULT.into(), created: object.created, value: None, reads, diagnostics });
    }
    let value = match &object.spec {
        Err(error) => {
            diagnostics.push(Diagnostic::error(subject(), error.clone()));
            TlsOptions { broken: Some(error.clone()), ..TlsOptions::default() }
        }
        Ok(spec) => {
            let names = &spec.client_auth.secret_names;
            let mut authorities = Vec::new();
            for name in names {
                let secret = object.key.sibling(name);
                reads.push(Reference::Secret(secret.clone()));
                match pem::authorities(view, &secret, false) {
                    Ok(pem) => authorities.push(pem),
                    Err(error) => diagnostics.push(Diagnostic::error(subject(), format!("clientAuth: {error}"))),
                }
            }
            let broken = !names.is_empty() && authorities.is_empty();
            let kind = spec.client_auth.client_auth_type;
            TlsOptions {
                min_version: spec.min_version.clone(),
                max_version: spec.max_version.clone(),
                cipher_suites: spec.cipher_suites.clone(),
                curve_preferences: spec.curve_preferences.clone(),
                client_auth: (kind.is_some() || !names.is_empty())
                    .then_some(ClientAuth { ca_files: authorities, client_auth_type: kind }),
                sni_strict: spec.sni_strict,
                alpn_protocols: spec.alpn_protocols.clone(),
                disable_session_tickets: spec.disable_session_tickets,
                broken: broken.then(|| "none of the authorities for client certificates can be read".to_owned()),
            }
        }
    };
    let name = if &**name == DEFAULT {
        DEFAULT.into()
    } else {
        let mark = if options.safe_naming { '_' } else { '-' };
        format!("{namespace}{mark}{name}").into()
    };
    Some(Translation { name, created: object.created, value: Some(value), reads, diagnostics })
}
