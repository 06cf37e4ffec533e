//! Requests signed by a key that has no account yet (RFC 8555 §6.2). The library signs all others.

use crate::ca::{Binding, CaError};
use crate::x509::key::PrivateKey;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::SigningKey as _;
use serde_json::{Value, json};

/// The public key as a JSON web key.
pub(super) fn jwk(key: &PrivateKey) -> Result<Value, CaError> {
    let point = key.pair().public_key_raw();
    let halves = point.strip_prefix(&[4]).filter(|_| key.thumbprint().is_some()).and_then(|p| p.split_at_checked(32));
    let (x, y) = halves.ok_or_else(|| CaError::Key("accounts have ECDSA P-256 keys only".to_owned()))?;
    Ok(json!({"crv": "P-256", "kty": "EC", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}))
}

/// Returns a request signed with ES256.
pub(super) fn signed(key: &PrivateKey, nonce: &str, url: &str, payload: &Value) -> Result<Vec<u8>, CaError> {
    let protected = json!({"alg": "ES256", "jwk": jwk(key)?, "nonce": nonce, "url": url});
    let (protected, payload) = (encode(&protected), encode(payload));
    let der = key.pair().sign(format!("{protected}.{payload}").as_bytes());
    let signature = fixed(&der.map_err(|error| CaError::Key(error.to_string()))?)?;
    Ok(flat(&protected, &payload, &signature).to_string().into_bytes())
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

/// Converts an ECDSA signature from DER to the form of JWS: two numbers of 32 bytes (RFC 7518 §3.4).
fn fixed(der: &[u8]) -> Result<[u8; 64], CaError> {
    let broken = || CaError::Key("a signature that is none".to_owned());
    let numbers = yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            let r = reader.next().read_bigint_bytes()?.0;
            let s = reader.next().read_bigint_bytes()?.0;
            Ok([r, s])
        })
    });
    let mut out = [0; 64];
    for (number, half) in numbers.map_err(|_| broken())?.iter().zip(out.chunks_mut(32)) {
        let number = number.iter().position(|byte| *byte != 0).and_then(|at| number.get(at..)).ok_or_else(broken)?;
        let start = half.len().checked_sub(number.len()).ok_or_else(broken)?;
        half.iter_mut().skip(start).zip(number).for_each(|(to, from)| *to = *from);
    }
    Ok(out)
}
