//! MD5-crypt, FreeBSD's old password hash, written by htpasswd as `$apr1$`.

use md5::{Digest as _, Md5};

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ROUNDS: usize = 1000;

/// The hash without magic and salt: 22 characters.
pub(super) fn hash(password: &[u8], salt: &[u8], magic: &[u8]) -> String {
    let inner = digest(&[password, salt, password]);
    let mut context = Md5::new();
    context.update(password);
    context.update(magic);
    context.update(salt);
    for piece in password.chunks(inner.len()) {
        context.update(&inner[..piece.len()]);
    }
    // The bits of the length choose between a zero and the first character: an old bug that became the format.
    let mut bits = password.len();
    while bits > 0 {
        context.update(if bits & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
        bits >>= 1;
    }
    let mut state: [u8; 16] = context.finalize().into();
    for round in 0..ROUNDS {
        let is_odd = round % 2 == 1;
        state = digest(&[
            if is_odd { password } else { &state },
            if round % 3 == 0 { &[] } else { salt },
            if round % 7 == 0 { &[] } else { password },
            if is_odd { &state } else { password },
        ]);
    }
    let mut text = String::with_capacity(22);
    for [high, middle, low] in [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] {
        encode(&mut text, [state[high], state[middle], state[low]], 4);
    }
    encode(&mut text, [0, 0, state[11]], 2);
    text
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = Md5::new();
    for part in parts {
        context.update(part);
    }
    context.finalize().into()
}

fn encode(text: &mut String, [high, middle, low]: [u8; 3], characters: usize) {
    let mut bits = u32::from_be_bytes([0, high, middle, low]);
    for _ in 0..characters {
        text.push(char::from(ALPHABET[(bits & 63) as usize]));
        bits >>= 6;
    }
}
