//! Rendezvous hashing (highest random weight): each client keeps its target, and a target that comes or goes moves only
//! the clients that it gets or had.
//!
//! A target's score for a client is that of Traefik, so that replicas of both send a client to the same target.

/// FNV-1a of 64 bits, over the bytes that follow those of `state`.
fn fnv1a(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns the index of the target with the highest score for `client`, among targets of an index, a name and a weight.
/// The first of equal ones; `None` if there is none.
pub(super) fn highest<'a>(client: &[u8], targets: impl Iterator<Item = (usize, &'a str, f64)>) -> Option<usize> {
    let state = fnv1a(0xcbf2_9ce4_8422_2325, client);
    let mut best: Option<(usize, f64)> = None;
    for (index, name, weight) in targets {
        #[expect(clippy::cast_precision_loss, reason = "the rounding is Go's")]
        let share = fnv1a(state, name.as_bytes()) as f64 / 2_f64.powi(64);
        let score = weight / -share.ln();
        if best.is_none_or(|(_, highest)| score > highest) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(client: &str, targets: &[(&str, f64)]) -> Option<usize> {
        highest(client.as_bytes(), targets.iter().enumerate().map(|(index, (name, weight))| (index, *name, *weight)))
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv1a(0xcbf2_9ce4_8422_2325, b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn weights_are_shares_of_clients() {
        // FNV mixes little: names that differ in their last letters only do not share by weight, in Traefik neither.
        let targets = [("orders-of-shop-80", 1.0), ("carts-of-shop-8080", 3.0), ("search-9000", 1.0)];
        let mut shares = [0_u32; 3];
        for client in 0..100_000_u32 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + client * 7).to_string();
            shares[choose(&address, &targets).unwrap_or(9)] += 1;
        }
        for (share, wanted) in shares.into_iter().zip([20_000, 60_000, 20_000]) {
            assert!(share.abs_diff(wanted) < 1_000, "{shares:?}");
        }
    }

    #[test]
    fn a_target_that_goes_moves_only_its_own_clients() {
        let all = [("a", 1.0), ("b", 1.0), ("c", 2.0)];
        for client in 0..1_000 {
            let client = format!("192.0.2.{client}");
            let before = choose(&client, &all);
            let after = choose(&client, &all[..2]);
            assert!(before == Some(2) || before == after, "{client}");
        }
        assert_eq!(choose("192.0.2.1", &[]), None);
    }
}
