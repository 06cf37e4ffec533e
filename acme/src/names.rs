//! Labels, annotations and names: cert-manager's, which its users and tools know, and our own.

use crate::objects::Meta;

/// Prefix of our own labels and annotations.
pub const OWN: &str = "flow-proxy.ominis.ai";
/// Name of the Certificate that a Secret or request belongs to.
pub const CERTIFICATE_NAME: &str = "cert-manager.io/certificate-name";
/// Revision of the certificate that a request is for.
pub const CERTIFICATE_REVISION: &str = "cert-manager.io/certificate-revision";
/// Secret of the key that a request is signed with.
pub const PRIVATE_KEY_SECRET: &str = "cert-manager.io/private-key-secret-name";
/// Name of the issuer of a Secret's certificate.
pub const ISSUER_NAME: &str = "cert-manager.io/issuer-name";
/// Kind of that issuer.
pub const ISSUER_KIND: &str = "cert-manager.io/issuer-kind";
/// Group of that issuer.
pub const ISSUER_GROUP: &str = "cert-manager.io/issuer-group";
/// Annotation that asks for a temporary certificate until the real one is issued.
pub const TEMPORARY: &str = "cert-manager.io/issue-temporary-certificate";
/// Label of a Secret that holds the key of a certificate being issued.
pub const NEXT_PRIVATE_KEY: &str = "cert-manager.io/next-private-key";
/// Label of every Secret that cert-manager manages.
pub const FAO: &str = "controller.cert-manager.io/fao";
/// Finalizers that cert-manager leaves on Challenges.
pub const CHALLENGE_FINALIZERS: [&str; 2] = ["acme.cert-manager.io/finalizer", "finalizer.acme.cert-manager.io"];
/// Annotation of an Issuer: `TLS-ALPN-01` proves names over TLS, without port 80. It is copied to the issuer's
/// Challenges, because their `spec.type` allows HTTP-01 and DNS-01 only.
pub const CHALLENGE_TYPE: &str = "flow-proxy.ominis.ai/challenge-type";
/// Annotation of an Order: the account that placed it. Other accounts cannot read the order.
pub const ACCOUNT: &str = "flow-proxy.ominis.ai/account";
/// Annotation of an Issuer: the name in the CA's own certificate, where it is not that of its URL.
pub const CA_SERVER_NAME: &str = "flow-proxy.ominis.ai/ca-server-name";
/// Annotation of an Issuer: `true` trusts the system's authorities beside `caBundle`.
pub const CA_SYSTEM_CERT_POOL: &str = "flow-proxy.ominis.ai/ca-system-cert-pool";
/// Annotation of an Issuer: the longest that an exchange with the CA takes, such as `2m`.
pub const CLIENT_TIMEOUT: &str = "flow-proxy.ominis.ai/client-timeout";
/// Annotation of an Issuer: the longest wait for the head of the CA's response, such as `30s`.
pub const CLIENT_HEAD_TIMEOUT: &str = "flow-proxy.ominis.ai/client-response-header-timeout";
/// Annotation of an Issuer, copied to its Challenges: how long after its creation a challenge is told to the CA.
pub const CHALLENGE_DELAY: &str = "flow-proxy.ominis.ai/challenge-delay";
/// Annotation of a Certificate: `true` sends its e-mail addresses to the CA. Most refuse them.
pub const EMAIL_NAMES: &str = "flow-proxy.ominis.ai/email-names";
/// Annotation of a Namespace: the number of its certificates that CAs may be asked for.
pub const MAX_CERTIFICATES: &str = "flow-proxy.ominis.ai/max-certificates";
/// Annotation of a Namespace: the domains of its certificates that CAs may be asked for, with all below them.
pub const ALLOWED_DOMAINS: &str = "flow-proxy.ominis.ai/allowed-domains";
/// Suffix of the second account Secret, used where the first one holds a key of another kind.
pub const ACCOUNT_KEY_SUFFIX: &str = "-flow-proxy";
/// Label of every Secret that a certificate resolver of Traefik's has in a cluster: the resolver's name.
pub const RESOLVER: &str = "flow-proxy.ominis.ai/resolver";
/// Annotation of a resolver's Certificate that no router wants any longer: since when.
pub const UNWANTED_SINCE: &str = "flow-proxy.ominis.ai/unwanted-since";
/// Label of Secrets that belong to flow-proxy alone.
pub const PART_OF: (&str, &str) = ("app.kubernetes.io/managed-by", "flow-proxy");

/// FNV-1 with 32 bits: the hash in the names that cert-manager gives to Orders and Challenges.
#[must_use]
pub fn fnv32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte))
}

/// Returns `prefix-number`, the prefix cut to 52 characters so that the result is a valid name.
#[must_use]
pub fn numbered(prefix: &str, number: impl std::fmt::Display) -> String {
    let cut = prefix.char_indices().nth(52).map_or(prefix.len(), |(at, _)| at);
    format!("{}-{number}", prefix[..cut].trim_end_matches(['-', '.']))
}

/// Returns a text as the value of a label: 63 characters at most. One that is none as it is gets a hash at its end.
#[must_use]
pub fn label_value(text: &str) -> String {
    let edge = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_value =
        text.len() <= 63 && text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last());
    if is_value { text.to_owned() } else { numbered(&object_name(text), suffix(&[text])) }
}

/// Returns a text as part of an object's name: lower-case letters, digits and single dashes within; `x` if it has none.
#[must_use]
pub fn object_name(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    if name.is_empty() { "x".to_owned() } else { name }
}

/// Returns a text as part of an object's name, different from that of any other text.
#[must_use]
pub fn own_object_name(text: &str) -> String {
    let name = object_name(text);
    if name == text { name } else { numbered(&name, suffix(&[text])) }
}

/// Five characters of Kubernetes' alphabet for generated names, derived from `words`. The same words give the same
/// name, so that a repeated step writes the same object.
#[must_use]
pub fn suffix(words: &[&str]) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(5).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

/// A number below `within`, derived from `words` and evenly spread: jitter that is the same on every replica and after
/// every restart.
#[must_use]
pub fn spread(words: &[&str], within: u64) -> u64 {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    if within == 0 { 0 } else { u64::from_be_bytes(first) % within }
}

/// Labels and annotations of a Certificate that its requests and orders inherit.
#[must_use]
pub fn inherited(from: &Meta) -> Meta {
    const NOT: [&str; 3] = ["kubectl.kubernetes.io/", "fluxcd.io/", "argocd.argoproj.io/"];
    let annotations = from.annotations.iter().filter(|(name, _)| !NOT.iter().any(|prefix| name.starts_with(prefix)));
    Meta {
        namespace: from.namespace.clone(),
        labels: from.labels.clone(),
        annotations: annotations.map(|(name, value)| (name.clone(), value.clone())).collect(),
        ..Meta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_is_that_of_go() {
        // From the definition of FNV-1 (not 1a).
        assert_eq!(fnv32(b""), 2_166_136_261);
        assert_eq!(fnv32(b"a"), 0x050c_5d7e);
        assert_eq!(fnv32(b"foobar"), 0x31f0_b262);
    }

    #[test]
    fn long_prefixes_are_cut() {
        assert_eq!(numbered("short", 1), "short-1");
        let long = "a".repeat(60);
        assert_eq!(numbered(&long, 7), format!("{}-7", "a".repeat(52)));
        assert_eq!(numbered(&format!("{}-b", "a".repeat(51)), 7), format!("{}-7", "a".repeat(51)));
    }

    #[test]
    fn any_text_becomes_a_label_and_a_name() {
        assert_eq!(label_value("letsEncrypt_1.a"), "letsEncrypt_1.a");
        for text in ["-le", "le@file", "\u{e9}", &"x".repeat(64)] {
            let value = label_value(text);
            assert!(value.len() <= 63 && value == label_value(&value), "{value}");
        }
        assert_ne!(label_value("a@"), label_value("a/"));
        assert_eq!(object_name("*.Shop--_x.example."), "shop-x-example");
    }

    #[test]
    fn suffixes_depend_on_every_word() {
        assert_eq!(suffix(&["a", "b"]), suffix(&["a", "b"]));
        assert_ne!(suffix(&["a", "b"]), suffix(&["ab", ""]));
        assert_eq!(suffix(&["x"]).len(), 5);
        assert!(spread(&["x"], 10) < 10);
        assert_eq!(spread(&["x"], 0), 0);
    }
}
