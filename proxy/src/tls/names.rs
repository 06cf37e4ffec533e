//! Go's names of versions, suites and curves, and rustls' counterparts.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::{cipher_suite, kx_group};
use rustls::{CipherSuite, SupportedCipherSuite};

/// Something with a name in Go.
pub(super) enum Named<T> {
    /// Can be served.
    Served(T),
    /// Known but not served here: too weak, or not in the library.
    Unserved,
    /// Always on.
    Implied,
}

/// A cipher suite; `None` if Go does not know the name.
pub(super) fn suite(name: &str) -> Option<Named<SupportedCipherSuite>> {
    use cipher_suite as s;
    Some(Named::Served(match name {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => s::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => s::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" => {
            s::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => s::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => s::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" | "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" => {
            s::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        }
        // Go cannot switch off those of TLS 1.3, and neither does Traefik.
        "TLS_AES_128_GCM_SHA256" | "TLS_AES_256_GCM_SHA384" | "TLS_CHACHA20_POLY1305_SHA256" | "TLS_FALLBACK_SCSV" => {
            return Some(Named::Implied);
        }
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
        | "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"
        | "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"
        | "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"
        | "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"
        | "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
        | "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"
        | "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
        | "TLS_ECDHE_RSA_WITH_RC4_128_SHA"
        | "TLS_RSA_WITH_3DES_EDE_CBC_SHA"
        | "TLS_RSA_WITH_AES_128_CBC_SHA"
        | "TLS_RSA_WITH_AES_128_CBC_SHA256"
        | "TLS_RSA_WITH_AES_128_GCM_SHA256"
        | "TLS_RSA_WITH_AES_256_CBC_SHA"
        | "TLS_RSA_WITH_AES_256_GCM_SHA384"
        | "TLS_RSA_WITH_RC4_128_SHA" => return Some(Named::Unserved),
        _ => return None,
    }))
}

/// A curve, or a hybrid with one; `None` if Traefik does not know the name.
pub(super) fn curve(name: &str) -> Option<Named<&'static dyn SupportedKxGroup>> {
    Some(match name {
        "X25519" | "x25519" => Named::Served(kx_group::X25519),
        "CurveP256" | "secp256r1" => Named::Served(kx_group::SECP256R1),
        "CurveP384" | "secp384r1" => Named::Served(kx_group::SECP384R1),
        "X25519MLKEM768" | "x25519mlkem768" => Named::Served(kx_group::X25519MLKEM768),
        "SecP256r1MLKEM768" | "secp256r1mlkem768" => Named::Served(kx_group::SECP256R1MLKEM768),
        "CurveP521" | "secp521r1" | "SecP384r1MLKEM1024" | "secp384r1mlkem1024" => Named::Unserved,
        _ => return None,
    })
}

/// The minor version of TLS 1.x by its name.
pub(super) fn version(name: &str) -> Option<u8> {
    match name {
        "VersionTLS10" => Some(0),
        "VersionTLS11" => Some(1),
        "VersionTLS12" => Some(2),
        "VersionTLS13" => Some(3),
        _ => None,
    }
}

/// The rank of a suite among those that can be agreed on, as in Go.
pub(super) fn rank(suite: CipherSuite) -> u8 {
    match of_suite(suite) {
        name if name.contains("AES_128") => 0,
        name if name.contains("AES_256") => 1,
        _ => 2,
    }
}

/// True for a suite with ChaCha20, false for one with AES-GCM.
pub(super) fn is_chacha(suite: CipherSuite) -> Option<bool> {
    let name = of_suite(suite);
    let chacha = name.contains("CHACHA20");
    (chacha || name.contains("GCM")).then_some(chacha)
}

/// Go's name of an agreed suite.
pub(super) fn of_suite(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}
