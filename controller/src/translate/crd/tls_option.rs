use super::choose;
use super::memo::{Made, Memo};
use crate::crd::TlsOptionSpec;
use crate::translate::pem;
use crate::view::{Custom, Reference, View};
use flow_model::config::{ClientAuth, Objects, TlsOptions};
use flow_model::diagnostic::Diagnostic;
use std::sync::Arc;

/// The name of the options that hold where a router names none.
const DEFAULT: &str = "default";

/// What a TLSOption becomes. Its name is `namespace-name` as it stands, or `default`. One that cannot hold is broken:
/// connections that need it are closed rather than served with less protection.
pub(super) fn translate(objects: [Option<&Arc<Custom<TlsOptionSpec>>>; 2], view: &View) -> Option<Made<TlsOptions>> {
    let mut diagnostics = Vec::new();
    let object = choose(objects, "TLSOption", &mut diagnostics)?;
    let subject = || object.key.subject("TLSOption");
    let mut reads = Vec::new();
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
    let name = if &*object.key.name == DEFAULT {
        DEFAULT.into()
    } else {
        format!("{}-{}", object.key.namespace, object.key.name).into()
    };
    Some(Made { name, created: object.created, value: Some(value), reads, diagnostics })
}

/// All options. As in Traefik, where two namespaces have a `default` neither counts.
pub(super) fn objects(memo: &Memo<TlsOptions>) -> Objects<TlsOptions> {
    let mut objects = memo.claims().objects().clone();
    if memo.claims().contested().iter().any(|(name, _)| &***name == DEFAULT) {
        objects.remove(DEFAULT);
    }
    objects
}

/// What is wrong with them.
pub(super) fn diagnostics(memo: &Memo<TlsOptions>) -> Vec<Diagnostic> {
    let mut all = memo.diagnostics("TLSOption", DEFAULT);
    for (_, owners) in memo.claims().contested().into_iter().filter(|(name, _)| &***name == DEFAULT) {
        let message = "default exists in other namespaces too: none of them is used";
        all.extend(owners.iter().map(|owner| Diagnostic::error(owner.key.subject("TLSOption"), message)));
    }
    all
}
