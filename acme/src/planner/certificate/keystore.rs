//! The key stores in a Secret: which are wanted, and what they hold.
//!
//! An annotation has a hash of what each was made from and of what it became, the private key included. A store is made
//! again when its password, its certificate or its options have changed, or somebody has changed it.

use super::Subject;
use crate::names::OWN;
use crate::objects::{Certificate, ConditionStatus, Key, Keystore, Secret, set_condition};
use crate::view::View;
use crate::x509::Leaf;
use crate::x509::key::PrivateKey;
use crate::x509::keystore::{self, Contents, KeystoreError};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Entries of a key store and of the trust store beside it.
type Entries = [&'static str; 2];

const JKS: Entries = ["keystore.jks", "truststore.jks"];
const PKCS12: Entries = ["keystore.p12", "truststore.p12"];
/// The entry of a password, where the reference names none.
const PASSWORD: &str = "password";
const DEFAULT_ALIAS: &str = "certificate";
/// Condition: not all key stores are written.
pub(super) const CONDITION: &str = "KeystoresWritten";

/// The name of the annotation with the hashes.
pub(super) fn annotation() -> String {
    format!("{OWN}/keystores")
}

/// A form of key stores.
#[derive(Clone, Copy)]
enum Form {
    Jks,
    Pkcs12,
}

impl Form {
    const fn word(self) -> &'static str {
        match self {
            Self::Jks => "JKS",
            Self::Pkcs12 => "PKCS12",
        }
    }

    const fn entries(self) -> Entries {
        match self {
            Self::Jks => JKS,
            Self::Pkcs12 => PKCS12,
        }
    }
}

/// The reason for which a key store is not written. The first ones are cert-manager's words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
enum Problem {
    #[error("fetching {form} keystore password from Secret: secret {secret:?} not found")]
    NoSecret { form: &'static str, secret: String },
    #[error("{form} keystore password Secret contains no data for key {entry:?}")]
    NoEntry { form: &'static str, entry: String },
    #[error("{form} keystore password in Secret is not UTF-8")]
    NoText { form: &'static str },
    #[error("{form} keystore needs a password: passwordSecretRef or password")]
    NoPassword { form: &'static str },
    #[error("error encoding {form} bundle: {error}")]
    Encoding { form: &'static str, error: KeystoreError },
}

/// Returns the key stores that a Certificate asks for.
fn wanted(certificate: &Certificate) -> impl Iterator<Item = (Form, &Keystore)> {
    let stores = certificate.spec.keystores.iter();
    let both = stores.flat_map(|stores| {
        let jks = stores.jks.iter().map(|store| (Form::Jks, store));
        jks.chain(stores.pkcs12.iter().map(|store| (Form::Pkcs12, store)))
    });
    both.filter(|(_, store)| store.create)
}

fn password(view: &View, namespace: &str, form: Form, store: &Keystore) -> Result<String, Problem> {
    let form = form.word();
    if let Some(password) = store.password.as_ref().filter(|password| !password.is_empty()) {
        return Ok(password.clone());
    }
    let reference = store.password_secret_ref.as_ref().ok_or(Problem::NoPassword { form })?;
    let secret = view.secrets.get(&Key::new(namespace, reference.name.clone()));
    let secret = secret.ok_or_else(|| Problem::NoSecret { form, secret: reference.name.clone() })?;
    let entry = reference.key_or(PASSWORD);
    let bytes = secret.entry(entry).ok_or_else(|| Problem::NoEntry { form, entry: entry.to_owned() })?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Problem::NoText { form })
}

/// Adds the key stores to a Secret with this chain, this CA and this key. One that cannot be written stays as it is.
pub(super) fn add(view: &View, subject: &Subject<'_>, secret: &mut Secret) {
    let certificate = subject.certificate;
    let mut marks = Vec::new();
    for (form, store) in wanted(certificate) {
        let present = Present { secret: subject.secret, form };
        let made = password(view, &certificate.metadata.namespace, form, store)
            .and_then(|password| make(form, store, &password, secret, &present));
        match made {
            Ok((entries, mark)) => {
                secret.data.extend(entries);
                marks.push(mark);
            }
            Err(_) => {
                secret.data.extend(present.entries());
                marks.extend(present.mark());
            }
        }
    }
    if !marks.is_empty() {
        secret.metadata.annotations.insert(annotation(), marks.join(" "));
    }
}

/// A key store as the Secret has it.
struct Present<'a> {
    secret: Option<&'a std::sync::Arc<Secret>>,
    form: Form,
}

impl Present<'_> {
    fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        let entry = |name: &&str| Some(((*name).to_owned(), self.secret?.entry(name)?.to_vec()));
        self.form.entries().iter().filter_map(entry).collect()
    }

    /// The hash, with its form.
    fn mark(&self) -> Option<String> {
        let marks = self.secret?.metadata.annotation(&annotation())?;
        marks.split(' ').find(|mark| mark.starts_with(self.form.word())).map(str::to_owned)
    }
}

fn make(
    form: Form,
    store: &Keystore,
    password: &str,
    secret: &Secret,
    present: &Present<'_>,
) -> Result<(BTreeMap<String, Vec<u8>>, String), Problem> {
    let failed = |error| Problem::Encoding { form: form.word(), error };
    let entry = |name| secret.entry(name).unwrap_or_default();
    let (chain, ca) = (entry("tls.crt"), entry("ca.crt"));
    let alias = store.alias.as_deref().filter(|alias| !alias.is_empty()).unwrap_or(DEFAULT_ALIAS);
    let profile = store.profile.unwrap_or_default();
    let purpose = match form {
        Form::Jks => format!("jks {alias}"),
        Form::Pkcs12 => format!("pkcs12 {profile:?}"),
    };
    let mark = |entries: &BTreeMap<String, Vec<u8>>| {
        let mut hash = Sha256::new();
        hash.update(keystore::fingerprint(&[purpose.as_bytes(), password.as_bytes(), entry("tls.key"), chain, ca]));
        entries.iter().for_each(|(name, bytes)| hash.update([name.as_bytes(), &[0], bytes, &[0]].concat()));
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}={hex}", form.word())
    };
    // Making one takes milliseconds: a look at a Certificate must not.
    let entries = present.entries();
    let known = mark(&entries);
    if present.mark().as_ref() == Some(&known) {
        return Ok((entries, known));
    }
    let created = Leaf::from_pem(chain).map_err(|_| failed(KeystoreError::Certificates))?.not_before;
    let key = PrivateKey::from_pem(entry("tls.key")).map_err(|_| failed(KeystoreError::Key))?;
    let contents = Contents::read(&key, chain, ca, created).map_err(failed)?;
    let [key_store, trust_store] = form.entries();
    let mut entries = BTreeMap::new();
    let bytes = match form {
        Form::Jks => keystore::jks_key_store(&contents, password, alias),
        Form::Pkcs12 => keystore::pkcs12_key_store(&contents, password, profile),
    };
    entries.insert(key_store.to_owned(), bytes.map_err(failed)?);
    if contents.has_trusted() {
        let bytes = match form {
            Form::Jks => keystore::jks_trust_store(&contents, password),
            Form::Pkcs12 => keystore::pkcs12_trust_store(&contents, password, profile),
        };
        entries.insert(trust_store.to_owned(), bytes.map_err(failed)?);
    }
    let mark = mark(&entries);
    Ok((entries, mark))
}

/// Reports key stores that cannot be written, by a condition of its own: the certificate itself is valid.
pub(super) fn note(view: &View, changed: &mut Certificate, now: Timestamp) {
    let namespace = changed.metadata.namespace.clone();
    let problems = wanted(changed).filter_map(|(form, store)| {
        let form_word = form.word();
        let usable = password(view, &namespace, form, store).and_then(|password| {
            let usable = match form {
                Form::Jks => keystore::check_alias(store.alias.as_deref().unwrap_or_default()),
                Form::Pkcs12 => keystore::check_password(&password),
            };
            usable.map_err(|error| Problem::Encoding { form: form_word, error })
        });
        usable.err().map(|problem| problem.to_string())
    });
    let problems: Vec<String> = problems.collect();
    let conditions = &mut changed.status.conditions;
    if problems.is_empty() {
        return conditions.retain(|condition| condition.kind != CONDITION);
    }
    let message = format!("failed to add keystores to Secret: {}", problems.join("; "));
    let generation = Some(changed.metadata.generation);
    set_condition(conditions, CONDITION, ConditionStatus::False, "PasswordMissing", message, generation, now);
}
