//! Issuers: their account key, their registration, and their condition `Ready`.

use super::action::{Call, Event, Kind, Plan, Step, Write};
use super::context::Context;
use super::issuer_options::directory;
use super::{limit, local, solver};
use crate::account::{self, AccountKey};
use crate::ca::{Account, Binding, CaError, Directory, Registration};
use crate::objects::{
    AcmeSpec, AcmeStatus, ConditionStatus, Issuer, IssuerRef, Key, SecretKeyRef, condition, set_condition,
};
use crate::view::{Settings, View};
use crate::x509::key::PrivateKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
use jiff::Timestamp;
use std::sync::Arc;

const REGISTERED: &str = "ACMEAccountRegistered";
/// Reason of an issuer whose account could not be registered.
pub const REGISTER_FAILED: &str = "ErrRegisterACMEAccount";
/// Reason of an issuer whose account could not be changed.
pub const UPDATE_FAILED: &str = "ErrUpdateACMEAccount";
const VERIFY_FAILED: &str = "ErrVerifyACMEAccount";

/// An account to be registered.
#[derive(Clone, Debug)]
pub struct Registering {
    /// The server.
    pub directory: Directory,
    /// The account.
    pub registration: Registration,
    note: Option<String>,
}

pub(super) fn plan(context: &Context<'_>, issuer: &Arc<Issuer>, plan: &mut Plan) {
    let Some(acme) = &issuer.spec.acme else { return local::plan_issuer(context, issuer, plan) };
    if issuer.metadata.deletion_timestamp.is_some() {
        return;
    }
    if let Some((reason, message)) = mistake(acme) {
        return failed(context, issuer, plan, reason, message);
    }
    limit::plan(context, issuer, plan);
    match account::account_key(context.view, context.settings, issuer) {
        AccountKey::Broken(message) => {
            failed(context, issuer, plan, VERIFY_FAILED, format!("Account private key is invalid: {message}"));
        }
        AccountKey::Missing { secret, entry, copy: Some(key) } => {
            plan.steps.push(Step::write(Write::Create(account::secret(&secret, &entry, &key).into())));
        }
        AccountKey::Missing { secret, .. } if acme.disable_account_key_generation => {
            let message = format!(
                "the ACME issuer config has 'disableAccountKeyGeneration' set to true, but the secret was not found: \
                 secret {:?} not found",
                secret.name
            );
            failed(context, issuer, plan, VERIFY_FAILED, message);
        }
        AccountKey::Missing { .. } => plan.calls.push(Call::AccountKey { issuer: issuer.key() }),
        AccountKey::Usable { key, note } => match registering_with(context.view, context.settings, issuer, key, note) {
            Err(message) => {
                failed(context, issuer, plan, REGISTER_FAILED, format!("Failed to register ACME account: {message}"));
            }
            Ok(registering) if is_registered(issuer, acme, &registering.registration.key) => {
                let step = ready(issuer, &registering, None, context.now);
                plan.steps.extend(step);
            }
            Ok(_) => plan.calls.push(Call::Register { issuer: issuer.key() }),
        },
    }
}

/// Returns the data for the registration of an account; `None` if it is no longer needed.
#[must_use]
pub fn registering(view: &View, settings: &Settings, issuer: &Issuer) -> Option<Registering> {
    match account::account_key(view, settings, issuer) {
        AccountKey::Usable { key, note } => registering_with(view, settings, issuer, key, note).ok(),
        AccountKey::Missing { .. } | AccountKey::Broken(_) => None,
    }
}

fn registering_with(
    view: &View,
    settings: &Settings,
    issuer: &Issuer,
    key: Arc<PrivateKey>,
    note: Option<String>,
) -> Result<Registering, String> {
    let acme = issuer.spec.acme.as_ref().ok_or("no ACME account")?;
    let key_of_issuer = issuer.key();
    let namespace = settings.issuer_namespace(&key_of_issuer);
    let binding = match &acme.external_account_binding {
        Some(eab) => {
            Some(Binding { key_id: eab.key_id.clone(), key: binding_key(view, namespace, &eab.key_secret_ref)? })
        }
        None => None,
    };
    let status = issuer.status.acme.clone().unwrap_or_default();
    let known = status.last_private_key_hash == key.fingerprint() && same_host(&status.uri, &acme.server);
    Ok(Registering {
        directory: directory(&issuer.metadata, acme)?,
        registration: Registration {
            key,
            email: acme.email.clone(),
            binding,
            known_url: Some(status.uri).filter(|uri| known && !uri.is_empty()),
        },
        note,
    })
}

fn binding_key(view: &View, namespace: &str, reference: &SecretKeyRef) -> Result<Vec<u8>, String> {
    let place = Key::new(namespace, reference.name.clone());
    let secret = view.secrets.get(&place).ok_or_else(|| format!("secret {:?} not found", reference.name))?;
    let entry = reference.key_or("secret");
    let text = secret.entry(entry).ok_or_else(|| format!("no data for {entry:?} in secret {:?}", reference.name))?;
    let text = String::from_utf8_lossy(text);
    URL_SAFE_NO_PAD
        .decode(text.trim().trim_end_matches('='))
        .map_err(|error| format!("failed to decode external account binding key data: {error}"))
}

/// Returns the registered account of a ready issuer.
pub(crate) fn account(view: &View, settings: &Settings, issuer: &Issuer) -> Option<Account> {
    let acme = issuer.spec.acme.as_ref()?;
    let AccountKey::Usable { key, .. } = account::account_key(view, settings, issuer) else { return None };
    let url = &issuer.status.acme.as_ref()?.uri;
    if !is_registered(issuer, acme, &key) {
        return None;
    }
    Some(Account { directory: Arc::new(directory(&issuer.metadata, acme).ok()?), url: url.clone(), key })
}

/// True if an issuer can place orders now.
pub(super) fn is_ready(context: &Context<'_>, reference: &IssuerRef, namespace: &str) -> bool {
    let issuer = context.view.issuers.get(&reference.key(namespace));
    issuer.is_some_and(|issuer| account(context.view, context.settings, issuer).is_some())
}

fn is_registered(issuer: &Issuer, acme: &AcmeSpec, key: &PrivateKey) -> bool {
    let ready = condition(&issuer.status.conditions, "Ready").is_some_and(|c| c.status == ConditionStatus::True);
    ready
        && issuer.status.acme.as_ref().is_some_and(|status| {
            status.last_registered_email == acme.email
                && status.last_private_key_hash == key.fingerprint()
                && same_host(&status.uri, &acme.server)
        })
}

fn same_host(one: &str, other: &str) -> bool {
    let host = |url: &str| url.parse::<Uri>().ok().and_then(|uri| uri.authority().map(|a| a.as_str().to_owned()));
    host(one).is_some_and(|one| host(other) == Some(one))
}

fn mistake(acme: &AcmeSpec) -> Option<(&'static str, String)> {
    if acme.server.contains("://acme-v01.api.letsencrypt.org") || acme.server.contains("://acme-staging.api.letsen") {
        let message = format!(
            "Your ACME server URL is set to a v1 endpoint ({}). You should update the spec.acme.server field to \
             \"https://acme-v02.api.letsencrypt.org/directory\"",
            acme.server
        );
        return Some(("InvalidConfig", message));
    }
    let uri = acme.server.parse::<Uri>().ok();
    let usable = uri.as_ref().is_some_and(|u| matches!(u.scheme_str(), Some("https" | "http")) && u.host().is_some());
    (!usable).then(|| ("InvalidURL", format!("Failed to parse existing ACME server URI {:?}", acme.server)))
}

fn failed(context: &Context<'_>, issuer: &Arc<Issuer>, plan: &mut Plan, reason: &'static str, message: String) {
    plan.steps.extend(unready(issuer, reason, &message, context.now));
}

fn unready(issuer: &Issuer, reason: &'static str, message: &str, now: Timestamp) -> Option<Step> {
    let mut changed = issuer.clone();
    let generation = Some(issuer.metadata.generation);
    set_condition(&mut changed.status.conditions, "Ready", ConditionStatus::False, reason, message, generation, now);
    let event = Event::warning(Kind::Issuer, &issuer.metadata, reason, message);
    (changed.status != issuer.status).then(|| Step::write(Write::Status(changed.into())).with(event))
}

fn ready(issuer: &Issuer, registering: &Registering, url: Option<String>, now: Timestamp) -> Option<Step> {
    let mut changed = issuer.clone();
    let status = changed.status.acme.get_or_insert_with(AcmeStatus::default);
    if let Some(url) = url {
        status.uri = url;
    }
    status.last_registered_email.clone_from(&registering.registration.email);
    status.last_private_key_hash = registering.registration.key.fingerprint();
    let mut message = "The ACME account was registered with the ACME server".to_owned();
    if let Some(note) = &registering.note {
        message.push_str("; ");
        message.push_str(note);
    }
    if let Some(note) = issuer.spec.acme.as_ref().and_then(|acme| solver::passed_over(&acme.solvers)) {
        message.push_str("; ");
        message.push_str(&note);
    }
    let generation = Some(issuer.metadata.generation);
    let conditions = &mut changed.status.conditions;
    set_condition(conditions, "Ready", ConditionStatus::True, REGISTERED, message, generation, now);
    (changed.status != issuer.status).then(|| Step::write(Write::Status(changed.into())))
}

/// Returns what follows from a registration.
#[must_use]
pub fn registered(
    issuer: &Issuer,
    registering: &Registering,
    result: Result<String, CaError>,
    now: Timestamp,
) -> Option<Step> {
    match result {
        Ok(url) => ready(issuer, registering, Some(url), now),
        Err(error) => {
            let (reason, verb) = match registering.registration.known_url {
                Some(_) => (UPDATE_FAILED, "update"),
                None => (REGISTER_FAILED, "register"),
            };
            unready(issuer, reason, &format!("Failed to {verb} ACME account: {error}"), now)
        }
    }
}

/// Returns the step that stores a new account key; `None` if there is one by now.
#[must_use]
pub fn account_created(view: &View, settings: &Settings, issuer: &Issuer, key: &PrivateKey) -> Option<Step> {
    let AccountKey::Missing { secret, entry, copy: None } = account::account_key(view, settings, issuer) else {
        return None;
    };
    Some(Step::write(Write::Create(account::secret(&secret, &entry, key).into())))
}
