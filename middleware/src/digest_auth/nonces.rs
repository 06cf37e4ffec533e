//! The proxy's nonces: handed out without being kept, and accepted with growing counts only.

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq as _;

/// The age at which a nonce is no longer accepted, in seconds. The client gets a new one without asking its user.
const LIFETIME: u64 = 3600;
/// The most nonces whose counts are known.
const MAX_KNOWN: usize = 16 * 1024;

/// A nonce: the time at which it was made, in seconds since 1970, and random bytes.
type Nonce = (u64, [u8; 8]);

/// The nonces of one middleware.
pub(super) struct Nonces {
    /// Known to this middleware only, so that nobody else can make a nonce.
    key: [u8; 32],
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    /// The highest count that came with each nonce, by age.
    counts: BTreeMap<Nonce, u64>,
    /// Nonces from before this time may have been forgotten, so none of them is accepted.
    known_since: u64,
}

impl Nonces {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key, used: Mutex::default() }
    }

    /// A new nonce.
    pub(super) fn issue(&self, now: u64, random: [u8; 8]) -> String {
        let mut nonce = now.to_be_bytes().to_vec();
        nonce.extend_from_slice(&random);
        let signature = self.signature((now, random));
        nonce.extend_from_slice(&signature);
        hex(&nonce)
    }

    /// True if `nonce` is one of ours and not too old, and no request came with it and this or a higher `count`.
    pub(super) fn accept(&self, nonce: &str, count: u64, now: u64) -> bool {
        let Some((nonce, signature)) = read(nonce) else { return false };
        if !bool::from(self.signature(nonce).ct_eq(&signature)) || now.saturating_sub(nonce.0) > LIFETIME {
            return false;
        }
        let mut used = self.used.lock();
        if nonce.0 < used.known_since {
            return false;
        }
        if used.counts.len() >= MAX_KNOWN && !used.counts.contains_key(&nonce) {
            used.forget(now);
        }
        let highest = used.counts.entry(nonce).or_default();
        let grows = count > *highest;
        *highest = count.max(*highest);
        grows
    }

    /// Of a fixed length, so that no other input has the same hash.
    fn signature(&self, (time, random): Nonce) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(time.to_be_bytes());
        hash.update(random);
        let full: [u8; 32] = hash.finalize().into();
        *full.first_chunk().unwrap_or(&[0; 16])
    }
}

impl Used {
    /// Makes room: forgets what is too old anyway, and the elder half of what is left if that is not enough.
    fn forget(&mut self, now: u64) {
        self.counts = self.counts.split_off(&(now.saturating_sub(LIFETIME), [0; 8]));
        if self.counts.len() < MAX_KNOWN {
            return;
        }
        if let Some(((time, _), _)) = self.counts.iter().nth(MAX_KNOWN / 2) {
            self.known_since = time + 1;
            self.counts = self.counts.split_off(&(self.known_since, [0; 8]));
        }
    }
}

/// The nonce that a text holds, with its signature.
fn read(text: &str) -> Option<(Nonce, [u8; 16])> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    let bytes: [u8; 32] = bytes?.try_into().ok()?;
    let (time, rest) = bytes.split_first_chunk::<8>()?;
    let (random, signature) = rest.split_first_chunk::<8>()?;
    Some(((u64::from_be_bytes(*time), *random), signature.try_into().ok()?))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn counts_of_a_nonce_grow() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(NOW, [1; 8]);
        for (count, is_accepted) in [(0, false), (1, true), (1, false), (3, true), (2, false), (4, true)] {
            assert_eq!(nonces.accept(&nonce, count, NOW), is_accepted, "{count}");
        }
        assert!(nonces.accept(&nonces.issue(NOW, [2; 8]), 1, NOW), "another nonce");
    }

    #[test]
    fn only_own_nonces_of_the_last_hour_are_accepted() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(NOW, [1; 8]);
        assert!(nonces.accept(&nonce, 1, NOW + LIFETIME));
        assert!(!nonces.accept(&nonce, 2, NOW + LIFETIME + 1));
        let forged = nonce.replacen('1', "2", 1);
        for wrong in ["", "00", "zz", &nonce[2..], &format!("{nonce}00"), &forged, &nonce.replace('0', "é")] {
            assert!(!nonces.accept(wrong, 9, NOW), "{wrong}");
        }
        assert!(!Nonces::new([8; 32]).accept(&nonce, 9, NOW), "another key");
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_accepted_twice() {
        let nonces = Nonces::new([7; 32]);
        let nonce = |index: u64| nonces.issue(NOW + index / 100, index.to_be_bytes());
        let many = 2 * MAX_KNOWN as u64;
        for index in 0..many {
            assert!(nonces.accept(&nonce(index), 1, NOW + index / 100), "{index}");
            assert!(nonces.used.lock().counts.len() <= MAX_KNOWN);
        }
        for index in 0..many {
            assert!(!nonces.accept(&nonce(index), 1, NOW + many / 100), "{index}");
        }
    }
}
