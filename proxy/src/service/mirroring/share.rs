//! The requests of all that a mirror gets.

/// True if a mirror of `percent` gets the request of this `number`, counted from one. Without any state but the number,
/// this is Traefik's choice: the first request, and then one whenever fewer than the share were mirrored.
pub(super) fn is_mirrored(number: u64, percent: u64) -> bool {
    let until = |number: u64| (u128::from(number) * u128::from(percent)).div_ceil(100);
    number > 0 && until(number) > until(number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(percent: u64, up_to: u64) -> Vec<u64> {
        (1..=up_to).filter(|number| is_mirrored(*number, percent)).collect()
    }

    #[test]
    fn the_first_request_is_among_them() {
        assert!(numbers(0, 1_000).is_empty());
        assert_eq!(numbers(10, 31), [1, 11, 21, 31]);
        assert_eq!(numbers(50, 6), [1, 3, 5]);
        assert_eq!(numbers(66, 6), [1, 2, 4, 5]);
        assert_eq!(numbers(100, 3), [1, 2, 3]);
        assert!(!is_mirrored(0, 100));
    }

    proptest! {
        /// Traefik counts the mirrored ones, and mirrors while they are fewer than their share.
        #[test]
        fn it_is_traefiks_choice(percent in 0..=100_u64, up_to in 0..2_000_u64) {
            let mut count = 0;
            for number in 1..=up_to {
                let wanted = count * 100 < number * percent;
                count += u64::from(wanted);
                prop_assert_eq!(is_mirrored(number, percent), wanted);
            }
        }
    }
}
