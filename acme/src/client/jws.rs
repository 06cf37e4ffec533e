//! Signatures of the requests that the library cannot make (RFC 8555 §6.2).

use crate::ca::{Binding, CaError};
use crate::x509::key::PrivateKey;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The public key as a JSON web key.
pub(super) fn jwk(key: &PrivateKey) -> Result<Value, CaError> {
    let point = key.pair().public_key_raw();
    let halves = point.strip_prefix(&[4]).filter(|_| key.thumbprint().is_some()).and_then(|p| p.split_at_checked(32));
    let (x, y) = halves.ok_or_else(|| CaError::Key("accounts have ECDSA P-256 keys only".to_owned()))?;
    Ok(json!({"crv": "P-256", "kty": "EC", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}))
}

/// Returns a request signed with ES256, for the account of that URL or, before there is one, for the key itself. Without
/// a payload it reads what is at `url` (POST-as-GET, §6.3).
pub(super) fn signed(
    key: &PrivateKey,
    account: Option<&str>,
    nonce: &str,
    url: &str,
    payload: Option<&Value>,
) -> Result<Vec<u8>, CaError> {
    let protected = match account {
        Some(kid) => json!({"alg": "ES256", "kid": kid, "nonce": nonce, "url": url}),
        None => json!({"alg": "ES256", "jwk": jwk(key)?, "nonce": nonce, "url": url}),
    };
    let (protected, payload) = (encode(&protected), payload.map(encode).unwrap_or_default());
    let unusable = |error: &dyn std::fmt::Display| CaError::Key(error.to_string());
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8()).map_err(|e| unusable(&e))?;
    let signature = pair.sign(&SystemRandom::new(), format!("{protected}.{payload}").as_bytes());
    Ok(flat(&protected, &payload, signature.map_err(|e| unusable(&e))?.as_ref()).to_string().into_bytes())
}

/// The proof that the account belongs to a customer of the CA: the account's key, signed with the CA's key (RFC 8555
/// §7.3.4).
pub(super) fn binding(key: &PrivateKey, binding: &Binding, url: &str) -> Result<Value, CaError> {
    let protected = encode(&json!({"alg": "HS256", "kid": binding.key_id, "url": url}));
    let payload = encode(&jwk(key)?);
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &binding.key), format!("{protected}.{payload}").as_bytes());
    Ok(flat(&protected, &payload, mac.as_ref()))
}

fn flat(protected: &str, payload: &str, signature: &[u8]) -> Value {
    json!({"protected": protected, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(signature)})
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
